// Package endtoend holds no code: its tests drive the two built binaries the
// way people do, through a shell, a kill -9 and a terminal. `make test` builds
// the binaries first.
package endtoend
