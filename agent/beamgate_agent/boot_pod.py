"""The first process of a pod's kernel container: starts the kernel that the agent asks for, and tells of its end.

Its text is the container's command, so an image needs nothing of ours: `python3 -I -S -c TEXT <uid of the agent>`. The
agent, in the container beside, listens on an abstract socket; what runs in the kernel comes over it too, and is taken
from the agent's user alone. Each packet is one JSON object.

From the agent: `start {files, argv, env, cwd}`, `write {name, text}`, `signal {signum, group}`, `measure`. To the
agent: `started {pid}` with the descriptor over which boot speaks, `measured {rssBytes, cpuSeconds}`, `exit {code,
signal, outOfMemory}` or `error {text}`.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import time

NAME = "\0beamgate-boot"
PACKET = 1 << 20
RETRY_SECONDS = 0.01
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def connect(uid):
    while True:
        agent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            agent.connect(NAME)
        except OSError:
            agent.close()
            time.sleep(RETRY_SECONDS)
            continue
        if struct.unpack("3i", agent.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1] != uid:
            sys.exit("what listens is not the agent")
        agent.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PACKET)
        return agent


def text_of(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def killed_for_memory():
    lines = (line for path in COUNTERS for line in text_of(path).splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def measured():
    """Of every process but this one"""
    rss = ticks = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if pid == "1":
            continue
        fields = text_of(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if len(fields) > 21:
            ticks += sum(map(int, fields[11:15]))
            rss += int(fields[21]) * PAGE
    return {"rssBytes": rss, "cpuSeconds": ticks / TICKS}


def end_the_rest():
    """Whatever the kernel started goes with it; a restarted one finds nobody."""
    try:
        if os.getpid() == 1:
            os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Supervisor:
    def __init__(self, agent):
        self.agent = agent
        # The container's root may be read only.
        self.folder = tempfile.mkdtemp(dir=next(path for path in ("/tmp", "/dev/shm") if os.access(path, os.W_OK)))
        self.pid = 0
        self.kills = 0

    def tell(self, kind, descriptors=(), **fields):
        socket.send_fds(self.agent, [json.dumps({"kind": kind, **fields}).encode()], descriptors)

    def write(self, name, text):
        with open(os.open(os.path.join(self.folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)

    def start(self, files, argv, env, cwd):
        for name, text in files.items():
            self.write(name, text)
        home = os.path.join(self.folder, "home")
        os.makedirs(home, exist_ok=True)
        everything = {**os.environ, "HOME": home, **env}
        ours, theirs = socket.socketpair()
        self.kills = killed_for_memory()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                # A folder of the client's machine, as notebook servers name one, need not be in the image.
                self.become(argv, everything, cwd if os.path.isdir(cwd) else everything["HOME"], theirs)
            except BaseException as error:
                theirs.sendall(json.dumps({"error": f"the kernel could not be started: {error}"}).encode() + b"\n")
            finally:
                os._exit(127)
        theirs.close()
        self.tell("started", [ours.fileno()], pid=self.pid)
        ours.close()

    def become(self, argv, env, cwd, fd):
        os.setsid()
        signal.set_wakeup_fd(-1)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD):
            signal.signal(signum, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(cwd)
        os.set_inheritable(fd.fileno(), True)
        places = {"{fd}": str(fd.fileno()), "{agent}": str(os.getppid()), "{folder}": self.folder}
        for place, value in places.items():
            argv = [argument.replace(place, value) for argument in argv]
        os.execvpe(argv[0], argv, env)

    def send_signal(self, signum, group):
        if self.pid:
            try:
                (os.killpg if group else os.kill)(self.pid, signum)
            except ProcessLookupError:
                os.kill(self.pid, signum)

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.pid = 0
                value = os.waitstatus_to_exitcode(status)
                end_the_rest()
                code, signum = (None, -value) if value < 0 else (value, None)
                self.tell("exit", code=code, signal=signum, outOfMemory=killed_for_memory() > self.kills)

    def handle(self, message):
        kind = message.pop("kind")
        if kind == "start":
            self.start(**message)
        elif kind == "write":
            self.write(**message)
        elif kind == "signal":
            self.send_signal(**message)
        elif kind == "measure":
            self.tell("measured", **measured())


def main(uid):
    supervisor = Supervisor(connect(uid))
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for signum in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    while True:
        ready, _, _ = select.select([supervisor.agent, woken], [], [])
        if woken in ready:
            os.read(woken, 512)
            supervisor.reap()
        if supervisor.agent in ready:
            packet = supervisor.agent.recv(PACKET)
            if not packet:
                return  # the agent is gone, and the kernel goes with this process
            supervisor.handle(json.loads(packet))


if __name__ == "__main__":
    main(int(sys.argv[1]))
