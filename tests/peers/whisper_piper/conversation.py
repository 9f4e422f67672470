"""Whole calls through the service and real engines: what the caller says has to be in the record, and what the caller heard has to be
understood by the same Whisper."""
import asyncio
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import engines

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
from service import Service

SENTENCES = [
    "I would like to book a table for my family tomorrow evening.",
    "Please send the invoice to my office before the end of the week.",
    "Could you tell me when the next train to the city leaves?",
]
# The most words of a hundred that may be wrong.
MOST_WRONG = 0.10


def words(text):
    return re.sub(r"[^a-z' ]+", " ", text.lower()).split()


def wrong(expected, got):
    """The words that have to be changed, left out or added."""
    row = list(range(len(got) + 1))
    for at, word in enumerate(expected, 1):
        before, row[0] = row[0], at
        for column, other in enumerate(got, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1]


async def call(binary, service, models, folder, number, sentence):
    """Places a call, and gives what the record has of the caller, what the agent said, and what the caller heard."""
    spoken, heard = folder / f"{number}.wav", folder / f"{number}-heard.wav"
    spoken.write_bytes(engines.wav(models.rate, models.say(sentence)))
    command = [binary, "call", "--url", f"{service.base}/twilio/voice", "--json", "--from", f"+1555010{number:04}", "--wav", str(spoken),
               "--heard", str(heard), "--speak-at", "5s", "--hangup-after", "22s"]
    phone = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await asyncio.wait_for(phone.communicate(), 90)
    assert phone.returncode == 0, (out[-1000:], err[-1000:])
    record, _ = await service.record(json.loads(out)["call_sid"])
    of = lambda speaker, key: " ".join(entry[key] for entry in record["conversation"] if entry["speaker"] == speaker and entry[key])
    return of("user", "heard"), of("assistant", "heard"), await asyncio.to_thread(models.hear, str(heard))


async def main(binary):
    models = engines.Models()
    server = engines.serve(models)
    base = f"http://127.0.0.1:{server.server_port}/v1"
    service = await Service(binary, "", twilio__verify="off", realtime__provider="cascade", cascade__stt__provider="openai",
                            cascade__stt__url=base, cascade__stt__model="tiny.en", cascade__llm__url=base, cascade__llm__model="script",
                            cascade__tts__provider="openai", cascade__tts__url=base, cascade__tts__model="joe", cascade__tts__voice="joe",
                            ).ready()
    failed = 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            calls = [call(binary, service, models, pathlib.Path(folder), number, text) for number, text in enumerate(SENTENCES)]
            told = [await one for one in calls]
    finally:
        service.stop()
        server.shutdown()
    for part, pairs in {
        "the caller's words in the record": [(sentence, heard) for sentence, (heard, _, _) in zip(SENTENCES, told)],
        "the agent's words in the caller's ear": [(said, ear) for _, said, ear in told],
    }.items():
        total = sum(len(words(expected)) for expected, _ in pairs)
        mistakes = sum(wrong(words(expected), words(got)) for expected, got in pairs)
        rate = mistakes / max(total, 1)
        verdict = "ok   " if total > 20 and rate <= MOST_WRONG else "FAIL "
        failed += verdict != "ok   "
        print(f"{verdict} {part}: {mistakes} of {total} words are wrong, {rate:.1%}")
        if mistakes:
            print("\n".join(f"      {expected!r}\n   -> {got!r}" for expected, got in pairs if words(expected) != words(got)))
    return failed


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main(sys.argv[1])) else 0)
