# A menu: each target is a line or two that you could type yourself. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help build test scenarios check release-check format docs demo validate publish publish-all bench compare clean

TESTS := dotnet run --project tests/JunctionRelay.Tests --
# As far as the package feed has .NET's runtime for them.
SYSTEMS ?= linux-x64 win-x64
OUT ?= out
# What is restored and built for another system stays away from what is built here.
APART = src/JunctionRelay.App -c Release -p:RunAnalyzers=false -p:NuGetLockFilePath=obj/publish.lock.json --artifacts-path $(OUT)/build -o $(OUT)

help:           ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: +## /\t/' | expand -t 16

build:          ## everything, warnings are errors
	dotnet build JunctionRelay.sln

test:           ## unit tests
	$(TESTS)

scenarios:      ## all tests, also the published binary against real programs (root, Linux)
	bash tests/run.sh

check:          ## what is run for every change
	.ci/run

release-check:  ## all tests in full size; writes its figures
	bash tests/release-check.sh

format:         ## by .editorconfig
	dotnet format JunctionRelay.sln

docs:           ## what is made from the code: key tables, schema, command line
	UPDATE_DOCS=1 $(TESTS) --filter-class '*ConfigReferenceTests' '*CommandLineReferenceTests'

demo:           ## a license checkout through two junctions
	dotnet run --project src/JunctionRelay.App -- demo

validate:       ## CONFIG=FILE: check a configuration
	dotnet run --project src/JunctionRelay.App -- validate $(CONFIG)

publish:        ## the program, into out/
	dotnet publish src/JunctionRelay.App -c Release -o out

publish-all:    ## for other systems, into out/SYSTEM: with .NET in it, one file each; into out/any without, for .NET on any
	for s in $(SYSTEMS); do dotnet publish $(APART)/$$s -r $$s --self-contained -p:PublishSingleFile=true || exit 1; done
	dotnet publish $(APART)/any -p:UseAppHost=false

bench:          ## microbenchmarks
	dotnet run -c Release --project bench/JunctionRelay.Microbench -- --filter '*'

compare:        ## junction beside haproxy, nginx, stunnel and ssh
	bash bench/compare.sh

clean:          ## what builds leave behind
	dotnet clean JunctionRelay.sln -v quiet
	rm -rf out
