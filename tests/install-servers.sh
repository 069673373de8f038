#!/usr/bin/env bash
# Installs the real name and mail servers that the tests run against, from Debian (or Ubuntu) packages, and moto, which stands in
# for Amazon Route 53, into a Python environment of its own: target/tools/moto, or the folder that ROLLOUT_MOTO names. Nothing is started at installation, now or at the next boot: the tests start what they need, each in its own folder.
# Run again at will; when everything is there it does nothing and needs no rights.
set -euo pipefail
cd "$(dirname "$0")/.."

# What the tests call, and the package that brings it.
declare -A package_of=(
  [named]=bind9
  [dnssec-keygen]=bind9-utils
  [dnssec-signzone]=bind9-utils
  [delv]=bind9-dnsutils
  [dig]=bind9-dnsutils
  [nsupdate]=bind9-dnsutils
  [knotd]=knot
  [knotc]=knot
  [kdig]=knot-dnsutils
  [pdns_server]=pdns-server
  [pdnsutil]=pdns-server
  [sqlite3]=sqlite3
  [nsd]=nsd
  [unbound]=unbound
  [unbound-control]=unbound
  [postfix]=postfix
  [posttls-finger]=postfix
  [danetool]=gnutls-bin
  [ldns-dane]=ldnsutils
  [openssl]=openssl
  [ip]=iproute2
  [unshare]=util-linux
)

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# Needs no rights. With the same list of versions a second time it does nothing.
install_moto() {
  local list="$PWD/tests/servers/moto-requirements.txt"
  local home="${ROLLOUT_MOTO:-$PWD/target/tools/moto}"
  if cmp -s "$list" "$home/requirements.txt" && [[ -x $home/bin/moto_server ]]; then
    return
  fi
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "install-servers: moto is left out: there is no python3 with venv (Debian: python3-venv)" >&2
    return
  fi
  echo "install-servers: installing moto into $home"
  mkdir -p "$(dirname "$home")"
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check --no-input --requirement "$list"
  # Last, so that a broken installation is made anew.
  cp "$list" "$home/requirements.txt"
}

missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
# The SQLite backend of PowerDNS is a plugin, not a program.
if ! compgen -G '/usr/lib/*/pdns/libgsqlite3backend.so' >/dev/null; then
  missing+=(pdns-backend-sqlite3)
fi
if ! command -v python3 >/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  missing+=(python3-venv)
fi
if ((${#missing[@]} == 0)); then
  install_moto
  echo "install-servers: everything is there"
  exit 0
fi
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if ! command -v apt-get >/dev/null; then
  echo "install-servers: no apt-get here; install by hand what brings these Debian packages: ${missing[*]}" >&2
  exit 1
fi
if ((EUID != 0)); then
  install_moto
  echo "install-servers: root is needed to install: ${missing[*]}" >&2
  echo "  run: sudo tests/install-servers.sh" >&2
  exit 1
fi

echo "install-servers: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive

# 101 is "forbidden by policy" to invoke-rc.d. A policy that is already there (a container's) stays as it is
# while it forbids starting; otherwise ours stands in for it until the packages are in.
policy=/usr/sbin/policy-rc.d
saved=""
restore_policy() {
  if [[ -n $saved ]]; then mv -f "$saved" "$policy"; else rm -f "$policy"; fi
}
if [[ -e $policy ]]; then
  saved="$policy.before-install-servers"
  mv -f "$policy" "$saved"
fi
trap restore_policy EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

# Postfix asks what kind of system this is; "No configuration" leaves /etc/postfix alone.
if command -v debconf-set-selections >/dev/null; then
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
fi

apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"

# With systemd the new units would start at the next boot. Only what this run brought: a server that was here before
# is somebody's.
if [[ -d /run/systemd/system ]]; then
  for package in "${missing[@]}"; do
    case $package in
      bind9) units="named.service" ;;
      knot) units="knot.service" ;;
      pdns-server) units="pdns.service" ;;
      nsd) units="nsd.service" ;;
      unbound) units="unbound.service" ;;
      postfix) units="postfix.service" ;;
      *) continue ;;
    esac
    systemctl disable --quiet "$units" || true
  done
fi

install_moto
