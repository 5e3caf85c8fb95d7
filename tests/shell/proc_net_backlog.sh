# Connections that nobody has accepted are in the tables of sockets.
# image: python
# needs: iproute2 gawk
cat > backlog.py <<'END'
import socket, subprocess, time
listener = socket.create_server(("127.0.0.1", 8001), backlog=4)
clients = [socket.create_connection(("127.0.0.1", 8001)) for _ in range(2)]
clients[0].sendall(b"abc")
def show(title):
    print(title, flush=True)
    rows = [line.split() for line in open("/proc/net/tcp")][1:]
    for row in sorted(rows, key=lambda row: (row[3], row[4], row[9] != "0", row[1])):
        port = lambda address: address.split(":")[1].replace("1F41", "8001")
        ends = [port(row[1]), port(row[2])]
        print(*["other" if end not in ("8001", "0000") else end for end in ends], row[3], row[4], row[9] != "0")
    subprocess.run("ss -Htn sport = :8001 | awk '{ print $1, $2, $3, $4 }' | sort", shell=True)
    subprocess.run("ss -Htln | awk '{ print $1, $2, $4 }'", shell=True)
def settled():
    rows = [line.split() for line in open("/proc/net/tcp")][1:]
    return sorted(row[4] for row in rows if row[3] == "01") == ["00000000:00000000"] * 3 + ["00000000:00000003"]
# On a busy machine the last step of a handshake and what was sent arrive a moment later.
until = time.monotonic() + 600
while not settled() and time.monotonic() < until:
    time.sleep(0.01)
show("nobody accepted")
first = listener.accept()[0]
show("one accepted")
print(first.recv(10))
show("and read")
first.close()
listener.close()
for client in clients:
    client.close()
END
python3 backlog.py
