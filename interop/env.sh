# The environment in which Go finds Debian's bbolt; read by build.sh and test.sh.
sources=/usr/share/gocode/src
export GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS=
export GOCACHE="${GOCACHE:-${HOME:-/tmp}/.cache/go-build}"
