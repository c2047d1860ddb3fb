# SPDX-License-Identifier: MIT
# For scripts that know $mpiexec: $folder for what is to vanish, and two machines on this one, network namespaces $here and
# $there with names of their own that are joined by a cable. Ends the script (77) where they cannot be made.

folder=$(mktemp -d)
here=lift$$a there=lift$$b
cleanup() {
  local name
  for name in $here $there; do
    ip netns pids $name 2>/dev/null | xargs -r kill -KILL || true
    ip netns delete $name 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap cleanup EXIT

if ! { ip netns add $here && ip netns add $there &&
  ip link add v$$a netns $here type veth peer name v$$b netns $there; } >"$folder/said" 2>&1; then
  echo "no network namespaces: $(head -1 "$folder/said")"
  exit 77
fi
address=10.77.0
ip -n $here address add $address.1/24 dev v$$a
ip -n $there address add $address.2/24 dev v$$b
for place in "$here v$$a" "$there v$$b"; do
  read -r name link <<<"$place"
  ip -n "$name" link set lo up
  ip -n "$name" link set "$link" up
done

# What mpirun starts the other machine's processes with, instead of ssh.
cat >"$folder/agent" <<END
#!/bin/sh
shift
exec ip netns exec $there unshare --uts sh -c "hostname $there; \$*"
END
chmod +x "$folder/agent"

# both COMMAND...: as ranks 0 and 1, one on each machine.
both() {
  timeout -k 5 60 ip netns exec $here unshare --uts sh -c "hostname $here; exec \"\$@\"" sh \
    "$mpiexec" --mca plm_rsh_agent "$folder/agent" --mca btl_tcp_if_include $address.0/24 \
    --mca oob_tcp_if_include $address.0/24 --bind-to none -n 2 --host $address.1:1,$address.2:1 "$@"
}

cut_cable() { ip -n $here link set v$$a down; }
# limit_cable RATE: such as 100mbit, in both directions.
limit_cable() {
  ip netns exec $here tc qdisc replace dev v$$a root tbf rate "$1" burst 256kb latency 100ms
  ip netns exec $there tc qdisc replace dev v$$b root tbf rate "$1" burst 256kb latency 100ms
}
