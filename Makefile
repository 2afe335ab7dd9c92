# Two commands matter: `make demo` runs the main job, `make test` runs every test.
# Both install what they need (Debian 12, as root) and build.
PRESET ?= release
BUILD := build/$(PRESET)

.PHONY: build
build: setup
	cmake --preset $(PRESET) >/dev/null
	cmake --build --preset $(PRESET)

.PHONY: setup
setup:
	tools/setup build
