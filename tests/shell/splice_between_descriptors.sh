# splice(2): between files, pipes, sockets and /dev/null; offsets, ends, errors
# needs: python3
# image: python
d=$(mktemp -d) && cd "$d" || exit 1
cat >splice.py <<'END'
import errno, os, signal, socket, threading, time

def told(*arguments, **options):
    try:
        print(os.splice(*arguments, **options), end=" ")
    except OSError as error:
        print(errno.errorcode[error.errno], end=" ")

def pipe():
    reader, writer = os.pipe()
    return reader, writer

with open("file", "wb") as file:
    file.write(bytes(range(256)) * 1000)
file = os.open("file", os.O_RDONLY)
out = os.open("out", os.O_RDWR | os.O_CREAT)
reader, writer = pipe()

print("file to pipe")
told(file, writer, 10)
print(os.read(reader, 100), os.lseek(file, 0, os.SEEK_CUR))
told(file, writer, 10, offset_src=250)
print(os.read(reader, 100), os.lseek(file, 0, os.SEEK_CUR))
told(file, writer, 10, offset_src=256_000 - 4)
told(file, writer, 10, offset_src=256_000)
told(file, writer, 0)
print(os.read(reader, 100))
told(file, writer, 1_000_000, offset_src=0)
os.set_blocking(writer, False)
told(file, writer, 1)
print(len(os.read(reader, 70000)))

print("pipe to file")
os.write(writer, b"0123456789")
told(reader, out, 4)
told(reader, out, 100, offset_dst=20)
print(os.lseek(out, 0, os.SEEK_CUR), os.pread(out, 100, 0))
os.set_blocking(reader, False)
told(reader, out, 100)
appending = os.open("out", os.O_WRONLY | os.O_APPEND)
os.write(writer, b"more")
told(reader, appending, 100)
print(os.read(reader, 100))

print("pipe to pipe")
second_reader, second_writer = pipe()
os.write(writer, b"a" * 5000)
told(reader, second_writer, 4999)
told(reader, second_writer, 4999)
os.set_blocking(second_writer, False)
told(reader, second_writer, 1)
print(len(os.read(second_reader, 10000)))
told(reader, writer, 1)

print("sockets")
left, right = socket.socketpair()
os.write(writer, b"over a socket")
told(reader, left.fileno(), 100)
print(right.recv(100))
right.send(b"and back")
told(left.fileno(), writer, 100)
print(os.read(reader, 100))
left.setblocking(False)
told(left.fileno(), writer, 100)
right.close()
told(left.fileno(), writer, 100)
os.write(writer, b"x")
signal.signal(signal.SIGPIPE, lambda *_: print("SIGPIPE", end=" "))
told(reader, left.fileno(), 100)
print(os.read(reader, 10))
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
sent = bytes(range(251)) * 4000

def feed():
    a, b = pipe()
    os.write(b, sent[:60000])
    done = 60000
    while done:
        done -= os.splice(a, client.fileno(), done)
    client.sendall(sent[60000:])
    client.close()

feeder = threading.Thread(target=feed)
feeder.start()
got = bytearray()
a, b = pipe()
while count := os.splice(peer.fileno(), b, 50000):
    while count:
        piece = os.read(a, count)
        got += piece
        count -= len(piece)
feeder.join()
print(bytes(got) == sent)

print("devices")
null, zero = os.open("/dev/null", os.O_RDWR), os.open("/dev/zero", os.O_RDWR)
os.write(writer, b"away")
told(reader, null, 100)
told(null, writer, 100)
told(zero, writer, 5)
print(os.read(reader, 10))

print("who waits is told")
a, b = pipe()
def later(action):
    threading.Thread(target=lambda: (time.sleep(0.2), action())).start()
later(lambda: os.write(b, b"late"))
told(a, out, 100)
later(lambda: os.close(b))
told(a, out, 100)
print()
a, b = pipe()
os.write(b, b"." * 65536)
later(lambda: os.read(a, 65536))
told(file, b, 100, offset_src=0)
os.close(a)
told(file, b, 100, offset_src=0)
print()

print("errors")
told(file, out, 10)
told(reader, out, 10, offset_src=0)
told(file, writer, 10, offset_dst=0)
told(writer, out, 10)
told(file, reader, 10)
told(reader, file, 10)
told(file, writer, 10, flags=64)
told(9999, writer, 10)
told(file, 9999, 10)
directory = os.open(".", os.O_RDONLY)
told(directory, writer, 10)
told(os.eventfd(3), writer, 10)
print()
END
python3 splice.py
