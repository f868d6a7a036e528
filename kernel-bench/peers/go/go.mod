// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

module weft/peer

go 1.18
