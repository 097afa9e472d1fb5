# shellcheck shell=bash disable=SC2034
# Sourced by the scripts beside it: bash, from the root of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p build

build_packages=(
  cmake ninja-build g++ pkg-config libcurl4-openssl-dev libcpp-httplib-dev rapidjson-dev
  libsqlitecpp-dev libsqlite3-dev libcli11-dev libtomlplusplus-dev libssl-dev libfmt-dev
  libspdlog-dev prometheus-cpp-dev libutf8proc-dev libpugixml-dev
)
test_packages=(
  doctest-dev nginx-light curl openssl jq sqlite3 python3 procps systemd
  ceph-mon ceph-osd radosgw s3cmd  # a real S3 server, and a client that nobody here wrote
  vsftpd openssh-server openssh-sftp-server openssh-client  # what providers push to
)
sanitizer_packages=(clang-format clang-tidy)
fuzz_packages=(clang-14 libclang-rt-14-dev)

say() { printf '\n== %s\n' "$*" >&2; }
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# usage: prints what stands at the head of the script, and ends.
usage() {
  sed -n '2,/^[^#]/ { /^# shellcheck/d; s/^# \{0,1\}//p }' "$0"
  exit 0
}

# quietly LOG COMMAND...: the output goes to the log, and to the screen only when it fails.
quietly() {
  local log=$1 status=0
  shift
  "$@" >"$log" 2>&1 || status=$?
  if ((status != 0)); then
    tail -n 50 "$log" >&2
    printf '%s: failed (%s), all of it in %s\n' "$(basename "$0")" "$*" "$log" >&2
  fi
  return "$status"
}

# need_packages PACKAGE...: installs those that are missing (Debian, Ubuntu). Elsewhere it lists
# them and stops, unless CMake finds everything anyway.
need_packages() {
  local package missing=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    quietly build/configure.log cmake --preset release -DREELKEEP_TESTS=OFF && return 0
    printf 'This is neither Debian nor Ubuntu. Install what these packages contain, then try again:\n  %s\n' \
      "$*" >&2
    exit 1
  fi
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]} == 0)) && return 0

  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "not root and no sudo; as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
  quietly build/apt.log "${apt[@]}" update
  # RUNLEVEL=1: a freshly installed nginx is not started, the tests run their own.
  quietly build/apt.log "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"
}

# Compilers at once: one per processor, and at least 1.5 GB of memory for each.
jobs() {
  local processors memory
  processors=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo)
  ((memory < 1)) && memory=1
  echo $((processors < memory ? processors : memory))
}

# build_preset PRESET [CMAKE-ARGUMENT...] [-- TARGET...]
build_preset() {
  local preset=$1 options=()
  shift
  while (($# > 0)) && [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  (($# > 0)) && shift
  quietly "build/$preset-configure.log" cmake --preset "$preset" "${options[@]}"
  if [[ -t 2 ]]; then
    cmake --build --preset "$preset" -j "$(jobs)" ${1:+--target "$@"} >&2
  else
    quietly "build/$preset-build.log" cmake --build --preset "$preset" -j "$(jobs)" \
      ${1:+--target "$@"}
  fi
}
