"""Types scripted lines into a real bash on a pseudo-terminal and keeps both directions with their times, as the gateway
records them. Made once, kept in test/vectors/commands.json:

    python3 test/support/record_shell.py > test/vectors/commands.json

Standard input of the shell is a terminal of 80 columns; a step waits until the terminal has been quiet.
"""

import base64
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

QUIET_S = 0.35
NONCE = "0123456789abcdef"
COLUMNS, ROWS = 80, 24


def record(command, steps, home):
    started = time.monotonic()
    frames = []
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(home)
        environment = {"HOME": home, "PATH": "/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        os.execve(command[0], command, environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def keep(kind, octets):
        time_us = int((time.monotonic() - started) * 1e6)
        try:
            frames.append([time_us, kind, octets.decode()])
        except UnicodeDecodeError:
            frames.append([time_us, kind, {"base64": base64.b64encode(octets).decode()}])

    def drain(quiet):
        while select.select([terminal], [], [], quiet)[0]:
            try:
                octets = os.read(terminal, 4096)
            except OSError:
                return
            if not octets:
                return
            keep("output", octets)

    drain(1.0)
    for step in steps:
        if isinstance(step, float):
            time.sleep(step)
            continue
        typed = step.removesuffix(AT_ONCE).encode()
        keep("input", typed)
        os.write(terminal, typed)
        drain(0.02 if step.endswith(AT_ONCE) else QUIET_S)
    keep("input", b"exit\r")
    os.write(terminal, b"exit\r")
    drain(1.0)
    os.close(terminal)
    os.waitpid(child, 0)
    return frames


# What is typed, in steps; the shell answers between them.
# After this the next step does not wait.
AT_ONCE = "\x00"
UP, LEFT, PASTE, END = "\x1b[A", "\x1b[D", "\x1b[200~", "\x1b[201~"
CASES = {
    "plain commands": ["echo one\r", "true\r"],
    "history with the arrow up": ["echo first\r", UP, "\r"],
    "an old line changed": ["echo aXb\r", UP, LEFT, "\x7f", "Y", "\r"],
    "completion with Tab": ["touch notes.txt\r", "cat no", "\t", "\r"],
    "completion that lists names": ["touch alpha alpine\r", "ls al", "\t\t", "p", "\t", "h", "\t", "\r"],
    "reverse search": ["echo needle\r", "true\r", "\x12", "need", "\r"],
    "backspaces": ["echx\x7fo oops\x7f\x7f\x7f\x7fdone\r"],
    "the line killed with ^U": ["rm -rf everything", "\x15", "echo instead\r"],
    "a word killed with ^W": ["echo keep drop", "\x17", "more\r"],
    "a loop on several lines": ["for i in 1 2; do\r", "echo $i\r", "done\r"],
    "a loop on one line": ["for i in 1 2; do echo $i; done\r"],
    "a line longer than the screen": ["echo " + "0123456789" * 14 + "\r"],
    "a long line changed in its middle": ["echo " + "abcdefghij" * 12, "\x01", "\x1b[C" * 5, "X", "\r"],
    "a secret read without echo": ["read -s -p 'Secret: ' x\r", "hunter2\r", "echo after\r"],
    "a password prompt of a program": [
        "python3 -c 'import getpass; getpass.getpass()'\r",
        "hunter2\r",
        "echo after\r",
    ],
    "a terminal without echo": ["stty -echo\r", "echo unseen\r", "stty echo\r", "echo seen\r"],
    "typed ahead": ["sleep 1\r" + AT_ONCE, "echo ahead\r", 1.2, "echo later\r"],
    "a paste with brackets": [PASTE + "echo pasted\necho twice" + END, "\r"],
    "a paste without brackets": ["bind 'set enable-bracketed-paste off'\r", "echo two\recho lines\r"],
    "a line given up with ^C": ["rm -rf /tmp/nothing", "\x03", "echo kept\r"],
    "the screen cleared while typing": ["echo cle", "\x0c", "ared\r"],
    "an empty line": ["\r", "\r", "echo x\r"],
    "vim": ["vim -u NONE -N note\r", "ihello\x1b", ":!id\r", "\r", ":wq\r", "echo back\r"],
    "base64 into sh": ["echo aWQgLXVuCg== | base64 -d | sh\r"],
    "a here document": ["cat > out <<X\r", "secret line\r", "X\r"],
    "lines typed into a program": ["cat\r", "to the cat\r", "\x04", "echo out\r"],
    "an alias": ["alias ll='ls -a'\r", "ll\r"],
    "history expansion": ["echo again\r", "!!\r"],
    "a comment and a mistake": ["# nothing\r", "echo 'unclosed\r", "closed'\r", "fi\r"],
    "a forged mark": [
        "printf '\\e]133;C;%s;%s\\a' 0000000000000000 ICAgIDEgIHJtIC1yZiAvCg==\r",
        "echo real\r",
    ],
    "text that runs from right to left": ["echo \u202etxt.exe\u202c\r"],
    "wide characters": ["echo 漢字🙂 done\r"],
    "a prompt of two lines": ["PS1='[\\w]\\n> '\r", "echo two\r"],
    "a prompt with colours": ["PS1='\\[\\e[32m\\]me@host\\[\\e[0m\\]:\\w\\$ '\r", "echo green\r"],
    "a command that history does not keep": ["HISTCONTROL=ignoreboth\r", " echo hidden-from-history\r", "true\r", "true\r"],
    "output without end of line": ["printf abc\r", "echo next\r"],
    "output that looks like a prompt": ["printf '$ fake command\\n'\r", "echo real\r"],
    "output longer than the screen": ["seq 1 300\r", "echo after\r"],
    "a one-letter answer": ["read -n 1 -p 'Sure? ' x\r", "y", "echo on\r"],
}


def main():
    marked = subprocess.run(
        ["node", "-e", f"import('./dist/gateway/ssh/relay/command-marks.js').then((m) => process.stdout.write(m.markedShell('{NONCE}')))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shells = {"plain": ["/bin/bash", "--norc", "-i"], "marked": ["/bin/bash", "-c", marked]}
    cases = []
    for name, steps in CASES.items():
        for kind, command in shells.items():
            with tempfile.TemporaryDirectory() as home:
                with open(os.path.join(home, ".bash_profile"), "w", encoding="ascii") as profile:
                    profile.write("PS1='$ '\n")
                if kind == "plain":
                    command = ["/usr/bin/env", "PS1=$ ", *command]
                frames = record(command, steps, home)
            print(f"{kind}: {name}", file=sys.stderr)
            cases.append({"name": name, "shell": kind, "frames": frames})
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    print(json.dumps({"columns": COLUMNS, "rows": ROWS, "nonce": NONCE})[:-1] + f', "cases": [\n{lines}\n]}}')


main()
