"""Runs the clients one after the other on one laboratory and prints what each took. Called by run.sh, in a network of its own."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
VENV = Path(os.environ.get("PEERS_VENV", "target/peers/venv")) / "bin"


class Laboratory:
    """The process with the servers, and the resolver that the peers need."""

    def __init__(self, folder, finished, ordinary, signed):
        self.folder = folder
        self.lab = subprocess.Popen(
            [os.environ["MANY"], str(finished), str(ordinary), str(signed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.endpoints = json.loads(self.lab.stdout.readline())
        self.unbound = None
        (folder / "roots.pem").write_text(self.endpoints["https_roots_pem"])
        (folder / "anchor").write_text(self.endpoints["trust_anchor"]["dnskey"] + "\n")
        _, _, _, _, flags, protocol, algorithm, key = self.endpoints["trust_anchor"]["dnskey"].split(None, 7)
        (folder / "bind.keys").write_text(
            f'trust-anchors {{ . static-key {flags} {protocol} {algorithm} "{key}"; }};\n')
        (folder / "hints").write_text("".join(
            f". 3600 NS {h['name']}\n{h['name']} 3600 A {h['address']}\n" for h in self.endpoints["root_hints"]))
        (folder / "main.cf").write_text(
            "compatibility_level = 3.6\nsmtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\n"
            f"myhostname = sender.example\nmaillog_file =\nqueue_directory = {folder}\n")
        (folder / "unbound.conf").write_text(f"""server:
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: "{folder}/unbound.log"
    interface: 127.0.0.1
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    trust-anchor-signaling: no
    root-key-sentinel: no
    so-rcvbuf: 0
    outgoing-range: 900
    num-queries-per-thread: 900
    root-hints: "hints"
    trust-anchor: "{self.endpoints['trust_anchor']['ds']}"
""")
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions trust-ad edns0\n")
        subprocess.run(["mount", "--bind", folder / "resolv.conf", "/etc/resolv.conf"], check=True)

    def say(self, line):
        self.lab.stdin.write(line + "\n")
        self.lab.stdin.flush()
        return json.loads(self.lab.stdout.readline())

    def fresh_resolver(self):
        """An empty cache for each client."""
        self.end_resolver()
        self.unbound = subprocess.Popen(["unbound", "-d", "-c", self.folder / "unbound.conf"], stderr=subprocess.DEVNULL)
        for _ in range(100):
            if subprocess.run(["delv", "@127.0.0.1", "-a", self.folder / "bind.keys", "+root=.", ".", "SOA"],
                              capture_output=True).stdout.startswith(b"; fully validated"):
                break
            time.sleep(0.1)
        else:
            sys.exit("unbound does not answer: " + (self.folder / "unbound.log").read_text())

    def end_resolver(self):
        if self.unbound:
            self.unbound.terminate()
            self.unbound.wait()
            self.unbound = None

    def end(self):
        self.end_resolver()
        self.lab.stdin.close()
        self.lab.wait()

    def cpu(self):
        """Seconds of processor time of the servers so far."""
        total = 0
        for process in (self.lab, self.unbound):
            if process:
                fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
                total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def environment(self):
        roots = ",".join(f"{h['name'].rstrip('.')}={h['address']}" for h in self.endpoints["root_hints"])
        return os.environ | {
            "ROLLOUT_DNS_ROOTS": roots,
            "ROLLOUT_TRUST_ANCHOR": f"file:{self.folder}/anchor",
            "ROLLOUT_HTTPS_ROOTS": f"file:{self.folder}/roots.pem",
            "ROLLOUT_RESOLVERS": "none",
            "MAIL_CONFIG": str(self.folder),
        }


def run(command, environment, output):
    """Wall clock, processor time and peak memory of a command with all its children."""
    begun = time.monotonic()
    with open(output, "wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)


def clients(folder, also):
    """Name, how many of the domains it is run on (a slow one's share is enough), and the command for a list in a file."""
    rollout = os.environ["ROLLOUT"]
    keys = folder / "bind.keys"
    loop = HERE / "loop.sh"
    return [
        ("rollout, in full", "full", 1.0, lambda f: [rollout, "verify", "--list", f, "--json", *also]),
        ("rollout, DNS only", "all", 1.0, lambda f: [rollout, "verify", "--dns-only", "--list", f, "--json", *also]),
        ("checkdmarc", "full", 0.2, lambda f: [VENV / "checkdmarc", "-n", "127.0.0.1", "-t", "10", f]),
        ("checkdmarc --check-mx-tls", "full", 0.1, lambda f: [VENV / "checkdmarc", "-n", "127.0.0.1", "-t", "10", "--check-mx-tls", f]),
        ("dnsviz probe -t 8", "full", 0.05, lambda f: [VENV / "dnsviz", "probe", "-s", "127.0.0.1", "-t", "8", "-f", f]),
        ("delv + posttls-finger", "full", 0.1, lambda f: ["xargs", "-a", f, "-n1", loop, keys]),
        ("the same, 8 at a time", "full", 0.5, lambda f: ["xargs", "-a", f, "-n1", "-P8", loop, keys]),
    ]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--full", type=int, default=200, help="domains looked at in full")
    arguments.add_argument("--all", type=int, default=1000, help="domains of the laboratory")
    arguments.add_argument("--delay", type=int, action="append", help="round trips of so many ms (default: 0 and 20)")
    arguments.add_argument("--smtp-delay", type=int, default=0, help="round trips to the mail hosts, ms, where --delay is not 0")
    arguments.add_argument("--only", action="append", help="clients whose name holds this")
    arguments.add_argument("--repeat", type=int, default=1, help="the fastest of so many runs counts")
    arguments.add_argument("--keep", help="a folder for the clients' output")
    arguments.add_argument("--asked", action="store_true", help="show what was asked, by zone and type")
    arguments.add_argument("--also", default="", help="more arguments for rollout, as in '--jobs 1'")
    arguments.add_argument("--dead", action="store_true", help="every host and every zone has one more address, that of nobody: packets vanish")
    wished = arguments.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    folder = Path(tempfile.mkdtemp(prefix="rollout-peers-"))
    kept = Path(wished.keep) if wished.keep else folder
    kept.mkdir(parents=True, exist_ok=True)
    # Four fifths as they should be; the others on the legacy host, signed and unsigned.
    finished = wished.all * 8 // 10
    ordinary = wished.all // 10
    signed = wished.all - finished - ordinary
    names = [f"finished{i}.com" for i in range(finished)]
    names += [f"ordinary{i}.ch" for i in range(ordinary)] + [f"signed{i}.net" for i in range(signed)]
    # Every list holds the same mixture.
    mixed = [names[(i * 7919) % len(names)] for i in range(len(names))]
    assert len(set(mixed)) == len(names), "the step must not divide the number of domains"
    laboratory = Laboratory(folder, finished, ordinary, signed)
    if wished.dead:
        # What is sent there comes back as a forgery, so the kernel drops it in silence.
        subprocess.run(["ip", "route", "add", "198.51.100.7", "dev", "lo"], check=True)
        laboratory.say("dead-host 198.51.100.7")
        laboratory.say("dead-server 198.51.100.7")
    try:
        for delay in wished.delay or [0, 20]:
            laboratory.say(f"smtp-delay {wished.smtp_delay if delay else 0}")
            laboratory.say(f"dns-delay {delay}")
            print(f"\n## {delay} ms round trips to name servers"
                  f"{f', {wished.smtp_delay} ms to mail hosts' if delay and wished.smtp_delay else ''}\n")
            print("| client | domains | wall | per domain | its CPU per domain | servers' CPU per domain | questions | connections | peak memory | rollout in full is faster by |")
            print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
            yardstick = None
            for name, extent, share, command in clients(folder, wished.also.split()):
                if wished.only and not any(only in name for only in wished.only):
                    continue
                count = wished.all if extent == "all" else wished.full
                # A quarter of the list suffices where each domain costs the same.
                count = max(1, int(count * share))
                listed = folder / "list.txt"
                listed.write_text("".join(f"{n}\n" for n in mixed[:count]))
                best = None
                for _ in range(wished.repeat):
                    laboratory.fresh_resolver()
                    laboratory.say("asked")
                    before = laboratory.cpu()
                    output = kept / f"{delay}-{name.replace(' ', '_').replace(',', '')}.out"
                    wall, cpu, memory, status = run([str(c) for c in command(listed)], laboratory.environment(), output)
                    servers = laboratory.cpu() - before
                    asked = laboratory.say("asked")
                    if best is None or wall < best[0]:
                        best = wall, cpu, memory, status, servers, asked
                wall, cpu, memory, status, servers, asked = best
                each = wall / count * 1000
                if name == "rollout, in full":
                    yardstick = each
                ratio = f"{each / yardstick:.1f}" if yardstick else ""
                questions = sum(sum(kinds.values()) for kinds in asked["dns"].values())
                print(f"| {name} | {count} | {wall:.2f} s | {each:.2f} ms | {cpu / count * 1000:.2f} ms | {servers / count * 1000:.2f} ms "
                      f"| {questions / count:.1f} | {asked['smtp'] / count:.1f} | {memory / 1024:.1f} MiB | {ratio} |", flush=True)
                if status not in (0, 1, 3, 4):
                    print(f"{name} ended with {status}: {output.read_text(errors='replace')[-2000:]}")
                if wished.asked:
                    print(json.dumps(asked["dns"]), flush=True)
    finally:
        laboratory.end()
        subprocess.run(["umount", "/etc/resolv.conf"], check=False)
        if kept != folder:
            (kept / "unbound.log").write_text((folder / "unbound.log").read_text() if (folder / "unbound.log").exists() else "")
        shutil.rmtree(folder)


signal.signal(signal.SIGPIPE, signal.SIG_DFL)
main()
