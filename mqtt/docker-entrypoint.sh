#!/bin/sh
# Checks the settings, prepares EMQX and hands over to the base image's entrypoint.
set -eu

base_entrypoint=/usr/bin/docker-entrypoint.sh
emqx_user=emqx
emqx_home=/opt/emqx
cert_dir=/certs
ipv6_interfaces=/proc/net/if_inet6
api_url=http://127.0.0.1:18083/api/v5
poll_seconds=1
server_grace_seconds=30

main() {
  check_settings

  # Where volumes belong to root the container is started as root; EMQX runs as its own user all the same.
  if [ "$(id -u)" = 0 ]; then
    chown -R "$emqx_user:" "$emqx_home/data" "$emqx_home/log"
    HOME=$(getent passwd "$emqx_user" | cut -d: -f6)
    export HOME
    as_emqx exec /bin/sh "$0" "$@"
  fi

  write_api_key
  configure_node
  configure_listeners
  if was_provisioned; then open_listeners_without_server "$$" & fi

  # EMQX reads every EMQX_* variable as configuration: these two are the server's and would stop it from booting.
  unset EMQX_API_URL EMQX_API_KEY MQTT_SECRET_KEY MQTT_ADMIN_PASSWORD
  # The server's DEBUG is `true` or `false`; EMQX's scripts expect a number and trace every line, secrets included.
  unset DEBUG

  exec "$base_entrypoint" "$@"
}

# Names every fault at once, by variable and never by value.
check_settings() {
  EMQX_API_KEY=${EMQX_API_KEY:-simple-iot-server}
  faults=''

  check_secret MQTT_SECRET_KEY "${MQTT_SECRET_KEY:-}" 16 128 "the API key's secret, the same as the server's"
  check_secret MQTT_ADMIN_PASSWORD "${MQTT_ADMIN_PASSWORD:-}" 12 64 "the dashboard's password"
  case $EMQX_API_KEY in
    *[!A-Za-z0-9._-]*) fault "EMQX_API_KEY may hold letters, digits and . _ - only" ;;
  esac
  check_certificate

  if [ -n "$faults" ]; then
    printf 'The broker does not start:\n%s' "$faults" >&2
    exit 64
  fi
}

fault() {
  faults="$faults  - $1
"
}

# check_secret NAME VALUE MIN MAX PURPOSE
# The characters are those that mean nothing to the bootstrap file (key:secret:role) and to HOCON.
check_secret() {
  if [ -z "$2" ]; then
    fault "$1 is not set ($5)"
    return
  fi
  if [ "${#2}" -lt "$3" ] || [ "${#2}" -gt "$4" ]; then
    fault "$1 must have $3 to $4 characters"
  fi
  case $2 in
    *[!A-Za-z0-9._~+/=-]*) fault "$1 may hold letters, digits and . _ ~ + / = - only" ;;
  esac
}

check_certificate() {
  tls=false
  if [ -e "$cert_dir/tls.crt" ] || [ -e "$cert_dir/tls.key" ]; then
    tls=true
    for file in tls.crt tls.key; do
      if [ ! -e "$cert_dir/$file" ]; then
        fault "$cert_dir/$file is missing: TLS needs both tls.crt and tls.key"
      elif ! readable_by_emqx "$cert_dir/$file"; then
        fault "$cert_dir/$file cannot be read by EMQX's user, $(id -u "$emqx_user")"
      fi
    done
  fi
}

readable_by_emqx() {
  if [ "$(id -u)" = 0 ]; then
    as_emqx test -r "$1"
  else
    test -r "$1"
  fi
}

# as_emqx [exec] COMMAND...
as_emqx() {
  group=$(id -g "$emqx_user")
  if [ "$1" = exec ]; then
    shift
    exec setpriv --reuid "$emqx_user" --regid "$group" --init-groups --no-new-privs "$@"
  fi
  setpriv --reuid "$emqx_user" --regid "$group" --init-groups "$@"
}

# EMQX stores the key at every start, so a changed secret takes effect with a restart.
write_api_key() {
  file=$emqx_home/etc/api_keys.txt
  rm -f "$file"
  (umask 077 && printf '%s:%s:administrator\n' "$EMQX_API_KEY" "$MQTT_SECRET_KEY" >"$file")
  export EMQX_API_KEY__BOOTSTRAP_FILE="$file"
  # Quoted: EMQX parses values as HOCON, where 0123 is a number and // starts a comment.
  export EMQX_DASHBOARD__DEFAULT_PASSWORD="\"$MQTT_ADMIN_PASSWORD\""
}

configure_node() {
  # Unquoted, both: EMQX's scripts read them as they are.
  # The data folder is kept per node name. The base image makes the name from the container's address, which changes.
  if [ -z "${EMQX_NODE_NAME:-}" ] && [ -z "${EMQX_NODE__NAME:-}" ]; then
    export EMQX_NODE__NAME=emqx@127.0.0.1
  fi
  # Whoever knows the cookie and reaches the cluster ports runs code in the node; EMQX's default is public.
  if [ -z "${EMQX_NODE_COOKIE:-}" ] && [ -z "${EMQX_NODE__COOKIE:-}" ]; then
    EMQX_NODE__COOKIE=c$(printf 'cookie:%s' "$MQTT_SECRET_KEY" | sha256sum | cut -c1-64)
    export EMQX_NODE__COOKIE
  fi
}

configure_listeners() {
  # A socket on [::] takes IPv4 as well. Some private networks are IPv6 only, some kernels have none.
  if [ -e "$ipv6_interfaces" ]; then
    export EMQX_LISTENERS__TCP__DEFAULT__BIND='"[::]:1883"'
    export EMQX_LISTENERS__TCP__SERVER__BIND='"[::]:1884"'
    export EMQX_LISTENERS__SSL__DEFAULT__BIND='"[::]:8883"'
    export EMQX_DASHBOARD__LISTENERS__HTTP__INET6=true
  fi
  # EMQX opens its listeners before its authentication works: for a moment of every boot whoever connects is let in.
  # The environment wins over what REST has stored, so these stay closed until they are started after the boot.
  export EMQX_LISTENERS__TCP__DEFAULT__ENABLE=false
  export EMQX_LISTENERS__SSL__DEFAULT__ENABLE=false
  if [ "$tls" = true ]; then
    export EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__CERTFILE="\"$cert_dir/tls.crt\""
    export EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__KEYFILE="\"$cert_dir/tls.key\""
  fi
}

# The server starts the listeners for devices once the broker is provisioned. Where it is away, a broker that it has
# provisioned before starts them itself, so that devices do not depend on the server; a new one stays closed.
# open_listeners_without_server PID-OF-EMQX
open_listeners_without_server() {
  until_authenticated "$1" || return 0
  is_closed_to_strangers || return 0
  # The server goes first: it knows of bans that a crash may have lost.
  sleep "$server_grace_seconds"
  open_listener tcp:default
  if [ "$tls" = true ]; then open_listener ssl:default; fi
}

# Whether the data volume holds an authenticator for tokens. EMQX writes there what was changed over REST.
was_provisioned() {
  grep -Eqs 'mechanism *= *"?jwt' "$emqx_home/data/configs/cluster.hocon"
}

# Waits until that authenticator works, which it does only after EMQX has finished its boot. Fails when EMQX ends.
until_authenticated() {
  while kill -0 "$1" 2>/dev/null; do
    answer=$(api /authentication/jwt/status) && has "$answer" '"status": *"connected"' && return 0
    sleep "$poll_seconds"
  done
  return 1
}

# Whether what is stored admits holders of our tokens alone. The server writes the rules for all last but for pairs.
# shellcheck disable=SC2016 # EMQX's placeholders, not this shell's.
is_closed_to_strangers() {
  authenticator=$(api /authentication/jwt) &&
    settings=$(api /authorization/settings) &&
    rules=$(api /authorization/sources/built_in_database/rules/all) || return 1
  has "$authenticator" '"enable": *true' &&
    has "$authenticator" '"sub": *"\${clientid}"' &&
    has "$authenticator" '"username": *"\${username}"' &&
    has "$settings" '"no_match": *"deny"' &&
    has "$rules" '"topic"'
}

open_listener() {
  listener=$(api "/listeners/$1") || return 0
  if has "$listener" '"running": *true'; then return 0; fi
  if api "/listeners/$1/start" POST >/dev/null; then
    echo "Listener $1 was started by the entrypoint: the server had not done so ${server_grace_seconds} s after the boot."
  fi
}

has() {
  printf '%s' "$1" | grep -q "$2"
}

# api PATH [METHOD] prints the body of a good answer. The key goes through a pipe, where no process list shows it.
api() {
  credentials | curl --config - --fail --silent --max-time 5 --request "${2:-GET}" "$api_url$1" 2>/dev/null
}

credentials() {
  printf 'user = "%s:%s"\n' "$EMQX_API_KEY" "$MQTT_SECRET_KEY"
}

main "$@"
