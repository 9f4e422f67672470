"""Checks the record of a call of Asterisk, and what its caller heard. Usage: check.py WORK WAY NAME"""

import glob
import json
import struct
import sys
import time
import wave

work, way, name = sys.argv[1:4]
numbers = {"talks": "+919876543210", "waits": "+919876543211"}

deadline = time.time() + 10
record = None
while record is None and time.time() < deadline:
    for path in glob.glob(f"{work}/calls/*_transcript.json"):
        with open(path) as file:
            found = json.load(file)
        if found["from"] == numbers[name]:
            record = found
    time.sleep(0.2)
assert record is not None, "no record"
assert record["carrier"] == way and record["to"] == "100", record
assert record["ending"]["reason"] == "caller_hung_up", record["ending"]
agent = [line for line in record["conversation"] if line["speaker"] == "assistant" and line.get("heard")]
assert agent, record["conversation"]
if name == "talks":
    assert any(line["speaker"] == "user" for line in record["conversation"]), record["conversation"]
    with wave.open(f"{work}/calls/heard-talks.wav") as heard:
        frames = heard.readframes(heard.getnframes())
    samples = struct.unpack(f"<{len(frames) // 2}h", frames)
    assert max(map(abs, samples), default=0) > 500, "the caller heard no answer"
print(way, name, record["ending"]["reason"], len(record["conversation"]), "lines")
