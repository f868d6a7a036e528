# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# The goals. How a file is compiled stands in scripts/Makefile.flags, how a
# command is repeated only when it must be in scripts/Kbuild.include, the library
# in scripts/Makefile.lib, the programs of a folder in scripts/Makefile.build.
# What is built is listed by the Kbuild file of each folder.

VERSION := 0.1.0

srctree := $(CURDIR)
objtree := $(if $(O),$(abspath $(O)),$(CURDIR))
ifneq ($(words $(objtree) $(srctree)),2)
$(error weft: the path of the source or output folder has a blank in it)
endif
ifeq ($(wildcard scripts/Makefile.build),)
$(error weft: run make in the source tree (make -C); O= says where output goes)
endif

CONTEXT ?= asm
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib

export VERSION srctree objtree PREFIX LIBDIR
MAKEFLAGS += --no-print-directory -rR

.PHONY: all
all:

include scripts/Kbuild.include
include scripts/Makefile.flags
export CC

program-folders := $(patsubst %/Kbuild,%,$(wildcard \
	tools/Kbuild examples/Kbuild kernel-bench/Kbuild))

.PHONY: prepare lib programs $(program-folders) selftests tests kselftest
all: lib programs selftests
programs: $(program-folders)

prepare:
	@mkdir -p $(objtree)/include/weft
	@ln -sfn $(if $(O),$(srctree)/lib,../../lib) $(objtree)/include/weft/impl
	@sh scripts/probe '$(CC)' '$(CONTEXT)' $(VERSION) $(objtree)

lib: prepare
	+@$(MAKE) -f scripts/Makefile.lib

$(program-folders): lib
	+@$(MAKE) -f scripts/Makefile.build obj=$@

# Self-tests need the kernel's harness, which comes out of a large package. A
# plain make takes it if it is there; tests and check go and get it.
fetch := sh scripts/kselftest-fetch
kselftest:
	@$(fetch) >/dev/null
ifneq ($(filter tests check,$(MAKECMDGOALS)),)
selftests: kselftest
endif
selftests: lib
	@[ ! -d $(objtree)/selftests ] || \
		find $(objtree)/selftests -name .tests -delete
	+@dir=$$($(fetch) --cached) || \
		echo '  SKIP    self-tests in C: make tests gets the harness'; \
	$(MAKE) -f scripts/Makefile.build obj=selftests KSELFTEST="$$dir"
tests: selftests bpf

# The same sources once more, with the generic contexts.
.PHONY: ucontext
ucontext-tree := $(objtree)/ucontext
ucontext: all
	+@echo '  CONTEXT=ucontext in $(patsubst $(srctree)/%,%,$(ucontext-tree))'
	+@$(MAKE) O=$(ucontext-tree) CONTEXT=ucontext all

# And with the sanitizers, of which the runtime may be missing: then the mode is
# skipped, with the reason. ThreadSanitizer is clang's, see Makefile.flags.
sanitizers := tsan asan ubsan
sanitizer-tsan := thread
sanitizer-asan := address
sanitizer-ubsan := undefined
clangs := $(if $(findstring clang,$(CC)),'$(CC)') clang clang-14
sanitizer-tests := core/join core/key core/locked core/queues core/handoff \
	park/parker block/sentinel run/idle run/deadlock
.PHONY: $(sanitizers)
$(sanitizers): kselftest
	@mkdir -p $(objtree)/sanitize/$@
	+@cd $(objtree)/sanitize/$@ && rm -f missing && cd $(srctree) && \
	if cc=$$(sh scripts/sanitizer $@ \
			$(if $(filter tsan,$@),$(clangs),'$(CC)')); then \
		echo '  SANITIZE=$(sanitizer-$@) in $(@:%=sanitize/%)'; \
		$(MAKE) O=$(objtree)/sanitize/$@ SANITIZE=$(sanitizer-$@) \
			CONTEXT=asm CC="$$cc" lib examples selftests; \
	else \
		echo "$$cc" > $(objtree)/sanitize/$@/missing; \
	fi

# TESTS="core/queues park/*" and MODES="plain norseq" narrow it down.
# check-sanitizers has by itself the tests that are known to be clean.
.PHONY: check check-sanitizers
check-sanitizers:
	+@$(MAKE) check MODES='$(or $(MODES),$(sanitizers))' \
		TESTS='$(or $(TESTS),$(sanitizer-tests))'
twice := $(if $(filter asm,$(CONTEXT)),$(filter ucontext,$(or $(MODES),ucontext)))
check: all tests $(twice) $(if $(SANITIZE),,\
	$(filter $(sanitizers),$(MODES)))
	@CC='$(CC)' UCONTEXT_TREE=$(if $(twice),$(ucontext-tree)) sh scripts/selftest

# Needs clang and libbpf; without them says so, and all else works. CLANG_BPF=
# chooses the clang.
.PHONY: bpf
bpf: lib
	+@if clang=$$(sh scripts/bpf-clang '$(CLANG_BPF)'); then \
		$(MAKE) -f scripts/Makefile.build obj=tools/bpf \
			CLANG_BPF="$$clang"; fi

.PHONY: bench peers demo model torture
# All in one run, so that they can be compared; of options the last counts.
bench: lib kernel-bench
	@$(objtree)/kernel-bench/weft-bench run --progress \
		--impl weft,weft-declared,weft-so,pthread,built-peers \
		$(BENCH_ARGS)
# PEERS="go tokio" builds just these.
peers: kernel-bench
	@srctree=$(srctree) objtree=$(objtree) CC='$(CC)' \
		sh scripts/peers $(PEERS)
demo: lib programs
	@sh scripts/demo
model:
	@sh selftests/model/full.sh
torture: tests
	@$(objtree)/selftests/torture/torture $(TORTURE_ARGS)

.PHONY: format-check
format-check:
	@sh scripts/format-check

.PHONY: install headers_install uninstall
headers := $(wildcard include/weft/*.h)
manuals := $(wildcard Documentation/man/*.[1378])
headers_install: prepare
	+@$(MAKE) -f scripts/Makefile.lib headers_install
	install -d $(DESTDIR)$(PREFIX)/include/weft
	$(if $(headers),install -m 644 $(headers) $(DESTDIR)$(PREFIX)/include/weft)
install: all headers_install
	+@$(MAKE) -f scripts/Makefile.lib install
	+@[ ! -e tools/Kbuild ] || \
		$(MAKE) -f scripts/Makefile.build obj=tools install
	sh scripts/manuals install $(DESTDIR)$(PREFIX)/share/man $(manuals)
uninstall:
	+@[ ! -e tools/Kbuild ] || \
		$(MAKE) -f scripts/Makefile.build obj=tools uninstall
	rm -f $(DESTDIR)$(LIBDIR)/libweft.a $(DESTDIR)$(LIBDIR)/libweft.so*
	rm -f $(DESTDIR)$(LIBDIR)/pkgconfig/weft.pc
	rm -rf $(DESTDIR)$(PREFIX)/include/weft
	sh scripts/manuals uninstall $(DESTDIR)$(PREFIX)/share/man $(manuals)

# Each thing built has its command beside it, in .NAME.cmd.
.PHONY: clean
clean:
	@cd $(objtree) && rm -rf ucontext sanitize selftests/.logs include/generated \
		kernel-bench/peers/bin kernel-bench/peers/obj && \
	rm -f include/weft/impl && \
	for d in . lib tools examples kernel-bench selftests; do \
		[ -d $$d ] || continue; \
		depth=; [ $$d != . ] || depth='-maxdepth 1'; \
		find $$d $$depth \( -name '.*.cmd' -o -name '.*.d' -o -name .tests \) \
			-type f | while read -r f; do \
			n=$${f##*/.}; \
			case $$n in *.cmd) rm -f "$${f%/*}/$${n%.cmd}";; esac; \
			rm -f "$$f"; \
		done; \
	done

.PHONY: help
help:
	@echo 'Goals:'
	@echo '  all           library, weft.pc, tools, examples, benchmarks, and the'
	@echo '                self-tests if their harness is there [default]'
	@echo '  check         build and run every self-test, in every mode'
	@echo '                TESTS="core/queues park/*", MODES="plain norseq'
	@echo '                nomembarrier ucontext tsan asan ubsan" choose'
	@echo '  check-sanitizers  a part of the tests, in the last three modes'
	@echo '  tests         build the self-tests; gets the harness first'
	@echo '  demo          the main job: benchmarks, then a walk over a tree'
	@echo '  bench         all benchmarks, beside pthreads and the peers that are'
	@echo '                built; BENCH_ARGS="--bench fib --runs 9"'
	@echo '  peers         what weft is compared with: go boost tokio tbb gomp omp;'
	@echo '                installs what is missing; PEERS="go tbb" chooses'
	@echo '  bpf           tools/bpf/weft-bpf, if clang and libbpf are there'
	@echo '  model         the model checks in full (check has their short form)'
	@echo '  torture       the torture test; TORTURE_ARGS'
	@echo '  format-check  formatting of the sources'
	@echo '  install       into $(DESTDIR)$(PREFIX); uninstall takes it away'
	@echo '  headers_install   just the headers'
	@echo '  clean         remove what was built'
	@echo 'Settings:'
	@echo '  O=DIR         build in DIR'
	@echo '  V=1           show commands'
	@echo '  CC= CFLAGS= CPPFLAGS= LDFLAGS=   as usual; a change rebuilds'
	@echo '  WERROR=1      warnings are errors'
	@echo '  CONTEXT=ucontext   contexts of the C library in place of assembly'
	@echo '  SANITIZE=thread    or address, undefined: a build for finding errors'
	@echo '  PREFIX= LIBDIR= DESTDIR=   where install puts things'
