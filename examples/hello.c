// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* hello - the first program: start a runtime, and in it a G. */
#include <stdio.h>
#include <weft/weft.h>

static void *hello(void *name)
{
	printf("hello, %s\n", (char *)name);
	return NULL;
}

static int start(void *arg)
{
	return weft_go(hello, arg);
}

int main(void)
{
	return weft_run(start, "world") ? 1 : 0;
}
