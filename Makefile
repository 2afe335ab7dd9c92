# Two commands matter: `make demo` runs the main job, `make test` runs every test. Both install what
# they need (Debian 12, as root) and build.
PRESET ?= release
BUILD := build/$(PRESET)

.PHONY: all
all:
	tools/setup build
	cmake --preset $(PRESET) -DPH_TESTS=OFF >/dev/null
	cmake --build --preset $(PRESET) --target posthaste

.PHONY: demo
demo: all
	$(BUILD)/posthaste demo

# Unit and simulation tests, the floor check, then the tests from end to end.
.PHONY: test
test:
	tools/setup test
	tools/check-floors
	tools/rfc-index
	cmake --preset $(PRESET) -DPH_TESTS=ON >/dev/null
	cmake --build --preset $(PRESET)
	ctest --test-dir $(BUILD) --output-on-failure -j 2
	POSTHASTE=$(CURDIR)/$(BUILD)/posthaste /usr/bin/python3 -m pytest -q test

# The same with the address and undefined behaviour sanitizers, or with the thread sanitizer.
.PHONY: asan tsan
asan tsan:
	$(MAKE) test PRESET=$@

.PHONY: bench
bench:
	tools/setup bench
	cmake --preset bench >/dev/null
	cmake --build --preset bench
	bench/run build/bench

.PHONY: format
format:
	clang-format-19 -i $$(git ls-files 'src/*.h' 'src/*.cc')

.PHONY: tidy
tidy:
	tools/setup lint
	cmake --preset $(PRESET) >/dev/null
	clang-tidy-19 -p $(BUILD) --quiet $$(git ls-files 'src/*.cc' | grep -v _test.cc)
