# Sourced by demo and test with the tree as the current directory: makes .venv and what simulation needs.
# A second run notices that nothing changed and costs nothing.

unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
PATH=${PATH//"$PWD/.venv/bin:"/}  # an activated .venv must not make the one that replaces it

say() { printf 'setup: %s\n' "$*" >&2; }

# The command that prefixes apt-get, in $as_root; fails where packages cannot be installed.
as_root=
can_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null && sudo -n true 2>/dev/null && as_root="sudo -n"
}

# install PACKAGE...: with apt-get, if this user may.
apt_lists_are_new=
install() {
    can_install || return 1
    say "installing $* with apt-get"
    if [ -z "$apt_lists_are_new" ]; then
        $as_root apt-get -qq update >/dev/null 2>&1 || say "apt-get update failed, going on with the old lists"
        apt_lists_are_new=yes
    fi
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null 2>&1
}

# need COMMAND PACKAGE REASON: have a command, or say in one line how to get it.
need() {
    command -v "$1" >/dev/null && return 0
    install "$2" && command -v "$1" >/dev/null && return 0
    say "$1 is missing ($3): install the package $2, e.g. apt-get install $2"
    return 1
}

# Print the real interpreter (not a shim) of the first Python >= 3.11 that can make environments.
find_python() {
    local name
    for name in python3.13 python3.12 python3.11 python3; do
        "$name" -c 'if True:
            import sys
            if sys.version_info < (3, 11): sys.exit(1)
            import ensurepip, venv
            print(sys.executable)' 2>/dev/null && return 0
    done
    return 1
}

make_venv() {
    local python
    if ! python=$(find_python); then
        install python3-venv || true
        if ! python=$(find_python); then
            say "no Python >= 3.11 with venv and ensurepip on PATH: install one, e.g. apt-get install python3-venv"
            return 1
        fi
    fi
    say "making .venv with $("$python" -V) and installing packages (a minute or so)"
    rm -rf .venv
    "$python" -m venv .venv || return 1
    # Sources are built as newer versions of pip do, apart from what is installed here.
    .venv/bin/pip install --quiet --disable-pip-version-check --progress-bar off --use-pep517 \
        -r scripts/requirements.lock || return 1
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . || return 1
    printf '%s' "$1" > .venv/stamp
}

# Two at once in one tree: the second waits, and finds the environment made.
mkdir -p build
exec 9>build/setup.lock
if command -v flock >/dev/null; then flock 9; fi

# A moved or copied tree needs a new environment as well: its scripts hold absolute paths.
stamp=$(printf '%s\n' "$PWD" | cat - pyproject.toml scripts/requirements.lock | sha256sum | cut -d ' ' -f 1)
if [ "$(cat .venv/stamp 2>/dev/null)" != "$stamp" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    make_venv "$stamp" || { say "could not make .venv"; exit 1; }
fi

exec 9>&-

# Verilator compiles its models; without these three there is no simulation worth the name.
missing=
need g++ g++ "Verilator compiles its models with it" || missing=yes
need make make "Verilator builds its models with it" || missing=yes
need perl perl "Verilator's command is a Perl script" || missing=yes
[ -z "$missing" ] || exit 1

# Verilator's writer of waveforms (--waves) includes these two: all else works without them.
for library in lz4 zlib; do
    package=lib$library-dev
    [ $library = zlib ] && package=zlib1g-dev
    [ -f /usr/include/$library.h ] || install "$package" || say "$library.h is missing (--waves): install $package"
done

# cocotb embeds Python in the simulator, for which some distributions have a package of its own.
if [ -z "$(.venv/bin/python -m find_libpython 2>/dev/null)" ]; then
    libpython=$(.venv/bin/python -c 'import sys; print("libpython%d.%d" % sys.version_info[:2])')
    install "$libpython" || say "$libpython.so is missing (cocotb needs it): install the package $libpython"
fi

# Icarus is the second simulator: all but its own tests and --sim icarus work without it.
need iverilog iverilog "the second simulator" || true

# The ASIC flow's cells and static timing: all else works without them.
if [ ! -f /usr/share/qflow/tech/osu018/osu018_stdcells.lib ]; then
    install qflow-tech-osu018 || say "no 0.18 um cell library (eyeriss asic): install the package qflow-tech-osu018"
fi
need sta opensta "static timing of eyeriss asic" || true
