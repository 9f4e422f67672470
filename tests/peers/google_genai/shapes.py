"""What the SDK's types refuse of a message. They forbid fields that they do not know."""
import base64
import binascii

from google.genai import types

KINDS = {"setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate"}


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def of_client(message):
    """What is wrong with a message of a client."""
    kinds = [camel(name) for name in message]
    if len(kinds) != 1 or kinds[0] not in KINDS:
        return [f"one of {sorted(KINDS)} a message, not {kinds}"]
    body = next(iter(message.values()))
    bad = []
    if kinds[0] == "setup":
        # The SDK writes this field, and its type of a setup lacks it: it is judged apart.
        body = dict(body)
        for name in ("realtimeInputConfig", "realtime_input_config"):
            if name in body:
                bad += refused(types.RealtimeInputConfig, body.pop(name))
    if kinds[0] == "realtimeInput":
        if len(body) != 1:
            bad.append(f"one input a message, not {sorted(body)}")
        bad += of_audio(body.get("audio"))
    return bad + refused(types.LiveClientMessage, {kinds[0]: body})


def of_server(message):
    """What is wrong with a message of a server."""
    bad = refused(types.LiveServerMessage, message)
    for part in message.get("serverContent", {}).get("modelTurn", {}).get("parts", []):
        bad += of_audio(part.get("inlineData"))
    return bad


def of_audio(blob):
    if not blob:
        return []
    try:
        sound = decoded(blob["data"])
    except (binascii.Error, ValueError) as error:
        return [f"no base64: {error}"]
    mime = blob.get("mimeType") or blob.get("mime_type")
    return [] if sound and len(sound) % 2 == 0 and mime.startswith("audio/pcm;rate=") else [f"{len(sound)} bytes of {mime}"]


def decoded(data):
    """Base64 in either alphabet, and in no mixture of them."""
    if ("-" in data or "_" in data) and ("+" in data or "/" in data):
        raise ValueError("both alphabets")
    data = data.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)


def refused(kind, value):
    try:
        kind.model_validate(value)
    except ValueError as error:
        return [str(error)]
    return []
