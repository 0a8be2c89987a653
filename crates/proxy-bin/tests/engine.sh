#!/bin/sh
# Stands for Envoy in tests: does what the file `behaviour` beside the link to this script says. A test writes that
# file and not a script of its own, because a file cannot be executed while any process, such as a neighbouring
# test's child between fork and exec, still has it open for writing.
HERE=${0%/*}
. "$HERE/behaviour"
