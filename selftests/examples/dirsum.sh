#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# modes: all
#
# dirsum and its twin say of every file what python3's zlib says.
#
# Over /usr/include, and over a tree made here: odd names, empty files, a
# sparse file of 100 MB, paths longer than PATH_MAX, 5,000 files.  What cannot
# be read must be named, and the rest be done.  Nothing here depends on time:
# the files that vanish do so while dirsum is stuck in a full pipe.

command -v python3 >/dev/null || { echo 'no python3'; exit 4; }
dir=$(mktemp -d) || exit 4
trap 'rm -rf "$dir"' EXIT
python3 - "$O/examples" "$dir" <<'END'
import fcntl
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import termios
import time
import zlib

EXAMPLES, TOP = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
PROGS = [b'dirsum', b'dirsum-pthread']
TREE = os.path.join(TOP, b'tree')


class Wrong(Exception):
    pass


class Skip(Exception):
    pass


def expect(what, got, expected):
    if got != expected:
        raise Wrong('%s: got %.300r, expected %.300r' % (what, got, expected))


def run(prog, *args, **kw):
    return subprocess.run([os.path.join(EXAMPLES, prog), *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, **kw)


def escape(path):
    for char, esc in ((b'\\', b'\\\\'), (b'\n', b'\\n'), (b'\r', b'\\r')):
        path = path.replace(char, esc)
    return path


def line(path, read=None):
    crc = size = 0
    with open(read or path, 'rb') as f:
        while True:
            data = f.read(1 << 20)
            if not data:
                break
            crc = zlib.crc32(data, crc)
            size += len(data)
    esc = escape(path)
    mark = b'\\' if esc != path else b''
    return b'%s%08x %d %s' % (mark, crc, size, esc), size


def sums(*tops):
    """Lines in the order of the paths, and the total."""
    paths, size, links, special, lines = [], 0, 0, 0, []
    for top in tops:
        for folder, dirs, files in os.walk(top):
            for name in dirs + files:
                path = os.path.join(folder, name)
                mode = os.lstat(path).st_mode
                links += stat.S_ISLNK(mode)
                if stat.S_ISREG(mode):
                    paths.append(path)
                elif not stat.S_ISLNK(mode) and not stat.S_ISDIR(mode):
                    special += 1
    for path in sorted(paths):
        text, n = line(path)
        lines.append(text)
        size += n
    return lines, total(len(paths), size, links, special, 0)


def total(files, size, links, special, failed):
    return (b'total %d files %d bytes %d links %d special %d failed' %
            (files, size, links, special, failed))


def check(prog, lines, tot, *args, status=0, **kw):
    """Sorted output is this exactly; unsorted output is the same lines."""
    path = lambda text: text.split(b' ', 2)[2]
    r = run(prog, b'--sort', *args, **kw)
    got = r.stdout.split(b'\n')
    expect('end', got[-1:], [b''])
    expect('total', got[-2], tot)
    expect('number of lines', len(got) - 2, len(lines))
    for have, want in zip(got, lines):
        expect('line', have, want)
    expect('status', r.returncode, status)
    u = run(prog, *args, **kw)
    expect('unsorted, as sorted', sorted(u.stdout.split(b'\n')), sorted(got))
    expect('unsorted, status', u.returncode, status)
    return r.stderr


def make(path, data=b''):
    with open(path, 'wb') as f:
        f.write(data)


def make_deep(top):
    """A file at a path longer than the kernel takes at once."""
    here = os.open(top, os.O_RDONLY)
    path, name = top, b'd' * 200
    while len(path) < 9000:
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here, path = below, path + b'/' + name
    f = os.open(b'deep', os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here)
    os.write(f, b'deep down')
    os.close(f)
    os.close(here)
    return path + b'/deep'


ODD = [b'new\nline', b'back\\slash', b'cr\rcr', b' ', b'-', b'--sort', b'*',
       b'\xff\xfe', b'caf\xc3\xa9', b'\t', b'tail ', b'\\', b'\n', b"'\"",
       b'x' * 255]


def make_tree():
    for sub in (b'odd', b'odd/dir\nwith\\', b'many', b'empty', b'empty/dir'):
        os.makedirs(os.path.join(TREE, sub), exist_ok=True)
    for n, name in enumerate(ODD):
        make(os.path.join(TREE, b'odd', name), name * n)
        make(os.path.join(TREE, b'odd/dir\nwith\\', name), name)
    for i in range(5000):
        if i % 100 == 0:
            os.mkdir(os.path.join(TREE, b'many/%d' % (i // 100)))
        make(os.path.join(TREE, b'many/%d/%d' % (i // 100, i)), b'%d' % i * 99)
    for i in range(20):
        make(os.path.join(TREE, b'empty/%d' % i))
    for size in (1, 131071, 131072, 131073, 3 * 131072):
        make(os.path.join(TREE, b'size-%d' % size), b'weft' * (size // 4) +
             b'x' * (size % 4))
    with open(os.path.join(TREE, b'sparse'), 'wb') as f:
        f.seek(100 << 20)
        f.write(b'end')
    os.symlink(b'sparse', os.path.join(TREE, b'link'))
    os.symlink(b'.', os.path.join(TREE, b'loop'))
    os.symlink(b'nowhere', os.path.join(TREE, b'dangling'))


def usr_include(prog):
    lines, tot = sums(b'/usr/include')
    expect('stderr', check(prog, lines, tot, b'/usr/include'), b'')


def made_tree(prog):
    lines, tot = sums(TREE)
    expect('stderr', check(prog, lines, tot, TREE), b'')


def one_processor(prog):
    lines, tot = sums(TREE)
    env = dict(os.environ, WEFT_PROCS='1')
    expect('stderr', check(prog, lines, tot, TREE, env=env), b'')


def one_at_a_time(prog):
    lines, tot = sums(TREE)
    opt = b'--threads=1' if b'pthread' in prog else b'--open=1'
    expect('stderr', check(prog, lines, tot, opt, TREE), b'')


def few_descriptors(prog):
    lines, tot = sums(TREE)
    cmd = b'ulimit -n 64 && exec "$0" --sort "$1"'
    r = subprocess.run([b'sh', b'-c', cmd, os.path.join(EXAMPLES, prog), TREE],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect('stderr', r.stderr, b'')
    expect('output', r.stdout.split(b'\n'), lines + [tot, b''])


def several_paths(prog):
    a, b = os.path.join(TREE, b'odd'), os.path.join(TREE, b'empty')
    lines, tot = sums(a, b)
    expect('stderr', check(prog, lines, tot, b, a), b'')
    one = os.path.join(TREE, b'size-1')
    text, size = line(one)
    check(prog, [text] * 2, total(2, 2 * size, 0, 0, 0), one, one)


def slash_at_the_end(prog):
    path = os.path.join(TREE, b'empty/')
    lines, tot = sums(path)
    check(prog, lines, tot, path)


def deep_tree(prog):
    top = os.path.join(TOP, b'deep')
    os.makedirs(top, exist_ok=True)
    path = make_deep(top)
    text = b'%08x 9 %s' % (zlib.crc32(b'deep down'), path)
    try:
        check(prog, [text], total(1, 9, 0, 0, 0), top)
    finally:
        subprocess.run([b'rm', b'-rf', top], check=True)


def special_files(prog):
    top = os.path.join(TOP, b'special')
    os.mkdir(top)
    os.mkfifo(os.path.join(top, b'fifo'))
    sock = socket.socket(socket.AF_UNIX)
    here = os.open(b'.', os.O_RDONLY)
    os.chdir(top)
    sock.bind('socket')
    os.fchdir(here)
    os.close(here)
    sock.close()
    os.symlink(b'fifo', os.path.join(top, b'link'))
    make(os.path.join(top, b'file'), b'x')
    try:
        lines, tot = sums(top)
        expect('total', tot, total(1, 1, 1, 2, 0))
        check(prog, lines, tot, top)
        fifo, link = os.path.join(top, b'fifo'), os.path.join(top, b'link')
        check(prog, [], total(0, 0, 1, 2, 0), fifo, link, b'/dev/null')
    finally:
        shutil.rmtree(top)


def missing_path(prog):
    gone = os.path.join(TOP, b'go\nne')
    make(gone)
    os.unlink(gone)
    one = os.path.join(TREE, b'size-1')
    text, size = line(one)
    err = check(prog, [text], total(1, size, 0, 0, 1), gone, one, status=1)
    expect('stderr', err, prog + b': ' + escape(gone) +
           b': No such file or directory\n')


def read_error(prog):
    """That memory opens, and its first page is never mapped."""
    one = os.path.join(TREE, b'size-1')
    text, size = line(one)
    err = check(prog, [text], total(1, size, 0, 0, 1), b'/proc/self/mem', one,
                status=1)
    expect('stderr', err, prog + b': /proc/self/mem: Input/output error\n')


def as_nobody():
    if os.getuid():
        return {}
    def drop():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        for prog in PROGS:
            run(prog, b'--help', preexec_fn=drop)
    except (OSError, subprocess.SubprocessError):
        raise Skip('root reads all, and nobody cannot run the programs')
    return {'preexec_fn': drop}


def unreadable(prog):
    kw = as_nobody()
    top = os.path.join(TOP, b'unreadable')
    os.makedirs(os.path.join(top, b'dir'))
    os.chmod(TOP, 0o755)
    make(os.path.join(top, b'dir/file'))
    make(os.path.join(top, b'no'))
    make(os.path.join(top, b'yes'), b'y')
    text = line(os.path.join(top, b'yes'))[0]
    os.chmod(os.path.join(top, b'no'), 0)
    os.chmod(os.path.join(top, b'dir'), 0)
    try:
        err = check(prog, [text], total(1, 1, 0, 0, 2), top, status=1, **kw)
    finally:
        os.chmod(os.path.join(top, b'dir'), 0o700)
        shutil.rmtree(top)
    expect('stderr', sorted(err.split(b'\n')), sorted([b''] + [
        b'%s: %s/%s: Permission denied' % (prog, top, name)
        for name in (b'no', b'dir')]))


def wait_until_full(proc):
    """Its pipe, that is: until then it runs, and then it is stuck."""
    fd = proc.stdout.fileno()
    room = fcntl.fcntl(fd, 1032)        # F_GETPIPE_SZ
    for _ in range(1200):
        queued = struct.unpack('i', fcntl.ioctl(fd, termios.FIONREAD,
                                                b'\0' * 4))[0]
        if queued > room - 4096:
            return
        time.sleep(0.05)
    raise Wrong('the pipe did not fill in 60 s')


def vanishing(prog):
    """
    16 folders of 500 files with long names.  The walker gets stuck in a full
    pipe with at most 2,048 files in flight, which leaves folders that it knows
    and has not opened.  They go, then the pipe is read.
    """
    top = os.path.join(TOP, b'vanishing')
    for i in range(8000):
        if i % 500 == 0:
            os.makedirs(os.path.join(top, b'%d' % (i // 500)))
        make(os.path.join(top, b'%d/%s%d' % (i // 500, b'n' * 100, i)),
             b'%d' % i)
    lines = set(sums(top)[0])
    with open(os.path.join(TOP, b'err'), 'w+b') as err:
        p = subprocess.Popen([os.path.join(EXAMPLES, prog), top],
                             stdout=subprocess.PIPE, stderr=err)
        try:
            wait_until_full(p)
        finally:
            shutil.rmtree(top)
            out = p.communicate(timeout=120)[0].split(b'\n')
        err.seek(0)
        named = err.read().split(b'\n')[:-1]
    expect('status', p.returncode, 1)
    expect('strange lines', set(out[:-2]) - lines, set())
    expect('files that vanished, and are named', bool(named), True)
    for text in named:
        head = b'%s: %s/' % (prog, top)
        tail = b': No such file or directory'
        expect('message', (text[:len(head)], text[-len(tail):]), (head, tail))
    words = out[-2].split()
    expect('files', int(words[1]), len(out) - 2)
    expect('failed', int(words[9]), len(named))


def full_disk(prog):
    for opts in ([], [b'--sort']):
        with open('/dev/full', 'wb') as full:
            r = subprocess.run([os.path.join(EXAMPLES, prog), *opts, TREE],
                               stdout=full, stderr=subprocess.PIPE)
        expect('status', r.returncode, 1)
        expect('stderr', r.stderr, prog + b': standard output: No space left '
               b'on device\n')


def closed_pipe(prog):
    rd, wr = os.pipe()
    os.close(rd)
    r = subprocess.run([os.path.join(EXAMPLES, prog), TREE], stdout=wr,
                       stderr=subprocess.PIPE)
    os.close(wr)
    expect('status', r.returncode, 1)
    expect('stderr', r.stderr, prog + b': standard output: Broken pipe\n')


def closed_stdout(prog):
    r = subprocess.run([b'sh', b'-c', b'exec "$0" "$1" >&-',
                        os.path.join(EXAMPLES, prog), TREE],
                       stderr=subprocess.PIPE)
    expect('status', r.returncode, 1)
    expect('stderr', r.stderr, prog + b': standard output: Bad file '
           b'descriptor\n')


def options(prog):
    limit = b'--threads' if b'pthread' in prog else b'--open'
    r = run(prog, b'--help')
    expect('--help', (r.returncode, r.stderr), (0, b''))
    for word in (limit, b'--sort', b'--time', b'--help'):
        expect('--help names ' + word.decode(), word in r.stdout, True)
    for args in ([], [b'--what', TREE], [limit, b'0', TREE], [limit, b'x', TREE],
                 [limit, b'-1', TREE], [limit], [b'-s', TREE]):
        r = run(prog, *args)
        expect('status of %r' % args, r.returncode, 2)
        expect('output of %r' % args, r.stdout, b'')
        expect('usage for %r' % args, b'usage:' in r.stderr, True)
    r = run(prog, b'--time', os.path.join(TREE, b'empty'))
    expect('--time', r.returncode, 0)
    expect('--time says', b'files/s' in r.stderr, True)


def main():
    make_tree()
    tests = [(test, prog) for test in (
        usr_include, made_tree, one_processor, one_at_a_time, few_descriptors,
        several_paths, slash_at_the_end, deep_tree, special_files,
        missing_path, read_error, unreadable, vanishing, full_disk,
        closed_pipe, closed_stdout, options) for prog in PROGS]
    status = 0
    print('TAP version 13')
    print('1..%d' % len(tests))
    for n, (test, prog) in enumerate(tests, 1):
        name = '%d %s: %s' % (n, prog.decode(), test.__name__)
        try:
            test(prog)
            print('ok', name, flush=True)
        except Skip as why:
            print('ok %s # SKIP %s' % (name, why), flush=True)
        except (Wrong, OSError, subprocess.SubprocessError) as why:
            status = 1
            print('not ok %s\n# %s' % (name, str(why).replace('\n', '\n# ')),
                  flush=True)
    return status


sys.exit(main())
END
