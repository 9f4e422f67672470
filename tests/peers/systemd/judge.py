"""A caller of the machine: `call` carries one signed call through TLS and nginx, `siege` does so among half requests."""
import base64, hashlib, hmac, json, os, socket, ssl, sys, time
from urllib.parse import urlencode

HOST, TOKEN = "voice.example.com", b"peer_test_token_0123456789abcdef0"
CALL = {"CallSid": "CA" + os.urandom(16).hex(), "AccountSid": "AC00000000000000000000000000000002", "From": "+15550100001",
        "To": "+15550100002", "CallStatus": "ringing", "Direction": "inbound", "ApiVersion": "2010-04-01"}


def sign(url, form):
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(TOKEN, text.encode(), hashlib.sha1).digest()).decode()


def connect(ca):
    context = ssl.create_default_context(cafile=ca)
    return context.wrap_socket(socket.create_connection((HOST, 443), timeout=10), server_hostname=HOST)


def head_of(line):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = line.recv(1)
        assert byte, f"closed after {head!r}"
        head += byte
    return head.decode()


def webhook(ca):
    line, body = connect(ca), urlencode(CALL).encode()
    line.sendall(f"POST /twilio/voice HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
                 "Content-Type: application/x-www-form-urlencoded\r\n"
                 f"X-Twilio-Signature: {sign(f'https://{HOST}/twilio/voice', CALL)}\r\n\r\n".encode() + body)
    answer = b""
    while piece := line.recv(65536):
        answer += piece
    answer = answer.decode()
    assert " 200 " in answer.split("\r\n")[0] and f"wss://{HOST}/" in answer, answer
    # An instance among others has its name in the address of the stream.
    return answer.split('name="token" value="')[1].split('"')[0], answer.split('url="')[1].split('"')[0]


def frame(text):
    data, mask = text.encode(), os.urandom(4)
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


def message(line):
    def exactly(count):
        data = b""
        while len(data) < count:
            piece = line.recv(count - len(data))
            assert piece, "the stream closed"
            data += piece
        return data
    kind, length = exactly(2)
    if length == 126:
        length = int.from_bytes(exactly(2), "big")
    return kind & 15, exactly(length)


def opened(ca):
    """A call whose agent is heard: its socket and its stream."""
    token, url = webhook(ca)
    line = connect(ca)
    line.sendall(f"GET {url.removeprefix(f'wss://{HOST}')} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                 f"X-Twilio-Signature: {sign(url, {})}\r\n\r\n".encode())
    head = head_of(line)
    assert " 101 " in head.split("\r\n")[0], head
    stream = "MZ" + os.urandom(16).hex()
    line.sendall(frame(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})))
    line.sendall(frame(json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": stream, "start": {
        "streamSid": stream, "accountSid": CALL["AccountSid"], "callSid": CALL["CallSid"], "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}, "customParameters": {"token": token}}})))
    hears(line, 4000)
    return line, stream, CALL["CallSid"]


def hears(line, samples):
    while samples > 0:
        kind, data = message(line)
        if kind == 1 and (said := json.loads(data))["event"] == "media":
            samples -= len(base64.b64decode(said["media"]["payload"]))


def hang_up(line, stream, sid):
    line.sendall(frame(json.dumps({"event": "stop", "sequenceNumber": "2", "streamSid": stream,
                                   "stop": {"accountSid": CALL["AccountSid"], "callSid": sid}})))
    line.close()


def call(ca):
    hang_up(*opened(ca))


def hold(ca, count, sign):
    """Holds calls until the file `sign` appears; each is there to the end, and is spoken to after it."""
    calls = []
    for _ in range(int(count)):
        CALL["CallSid"] = "CA" + os.urandom(16).hex()
        calls.append(opened(ca))
    print("held", flush=True)
    silence = base64.b64encode(b"\xff" * 160).decode()
    while not os.path.exists(sign):
        for line, stream, _ in calls:
            line.sendall(frame(json.dumps({"event": "media", "streamSid": stream, "media": {"track": "inbound", "payload": silence}})))
            line.setblocking(False)
            try:
                while (piece := line.recv(65536)) != b"":
                    pass
                raise AssertionError("a call was cut")
            except (BlockingIOError, ssl.SSLWantReadError):
                line.setblocking(True)
        time.sleep(0.02)
    for one in calls:
        hang_up(*one)


def siege(ca):
    halves = []
    for number in range(1600):
        half = socket.create_connection((HOST, 443 if number % 2 else 80), timeout=10)
        if number % 2 == 0:
            half.sendall(b"POST /twilio/voice HTTP/1.1\r\nHost: voice.exa")
        halves.append(half)
    for _ in range(6):
        call(ca)
        CALL["CallSid"] = "CA" + os.urandom(16).hex()
    # Nobody is kept longer than the time-outs say, with a margin for a busy machine.
    until, left = time.monotonic() + 25, halves
    while left and time.monotonic() < until:
        time.sleep(0.5)
        left = [half for half in left if open_still(half)]
    assert not left, f"{len(left)} half requests are still held"


def open_still(half):
    half.setblocking(False)
    try:
        return half.recv(4096) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


if __name__ == "__main__":
    {"call": call, "siege": siege, "hold": hold}[sys.argv[1]](*sys.argv[2:])
