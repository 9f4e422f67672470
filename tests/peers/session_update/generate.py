"""Random valid configurations, whose session.update the official SDK's types and the server's rules have to accept."""
import json, os, pathlib, random, subprocess, sys, tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
from oracle import VOICES, check_client

REASONING = ["gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2"]
PLAIN = ["gpt-realtime-1.5", "gpt-realtime", "gpt-realtime-mini"]
LANGUAGES = ["en", "hi", "mr", "te", "ta", "ml"]
KEYWORDS = {"gpt-live-transcribe", "gpt-transcribe"}
ASR = [*KEYWORDS, "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"]
EFFORTS = ["minimal", "low", "medium", "high", "xhigh"]


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    return str(value)


def maybe(r, table, key, make, chance=0.5):
    if r.random() < chance:
        table[key] = make()


def options(r, reasons, servers):
    """What [realtime] and an agent's own `realtime` have in common."""
    o = {}
    maybe(r, o, "speed", lambda: round(r.uniform(0.25, 1.5), 2))
    maybe(r, o, "max_output_tokens", lambda: r.choice(["inf", r.randint(1, 4096)]))
    o["retention_ratio"] = r.choice(["auto", "disabled", round(r.uniform(0.1, 1.0), 2)])
    if isinstance(o["retention_ratio"], float):
        maybe(r, o, "retention_tokens", lambda: r.randint(1, 128_000))
    o["noise_reduction"] = r.choice(["near_field", "far_field", "off"])
    if o["noise_reduction"] != "off":
        maybe(r, o, "noise_strength", lambda: round(r.random(), 2))
    if reasons:
        maybe(r, o, "reasoning_effort", lambda: r.choice(EFFORTS))
        maybe(r, o, "parallel_tool_calls", lambda: r.choice([True, False]))
    maybe(r, o, "tool_choice", lambda: r.choice(["auto", "none"]))
    maybe(r, o, "tracing", lambda: r.choice(["off", "auto", {"workflow_name": "reception"},
                                             {"group_id": "g", "metadata": {"site": "b", "lane": "c"}}]))
    maybe(r, o, "mcp", lambda: r.sample(servers, r.randint(0, len(servers))))
    vad = {"type": r.choice(["server_vad", "semantic_vad"])}
    if vad["type"] == "server_vad":
        maybe(r, vad, "threshold", lambda: round(r.random(), 2))
        maybe(r, vad, "prefix_padding", lambda: f"{r.randint(0, 5000)}ms")
        maybe(r, vad, "silence_duration", lambda: f"{r.randint(100, 10_000)}ms")
        maybe(r, vad, "idle_timeout", lambda: r.choice(["off", f"{r.randint(5000, 30_000)}ms"]))
    else:
        maybe(r, vad, "eagerness", lambda: r.choice(["auto", "low", "medium", "high"]))
    maybe(r, vad, "create_response", lambda: r.choice([True, False]))
    maybe(r, vad, "interrupt_response", lambda: r.choice([True, False]))
    o["turn_detection"] = vad
    asr = {"model": r.choice(ASR), "enabled": r.random() < 0.8}
    if asr["model"] in KEYWORDS:
        maybe(r, asr, "languages", lambda: r.sample(LANGUAGES, r.randint(1, 3)))
        maybe(r, asr, "keywords", lambda: r.sample(["Pune", "Kochi", "Ramesh", "order 7"], r.randint(1, 4)))
    if "diarize" not in asr["model"]:
        maybe(r, asr, "prompt", lambda: "names of towns")
    o["transcription"] = asr
    return o


def configuration(r):
    reasons = r.random() < 0.6
    model = r.choice(REASONING if reasons else PLAIN)
    servers = ["calendar", "crm"]
    top = {"model": model, "voice": r.choice([*sorted(VOICES), "voice_0a1b"]),
           "audio_format": r.choice(["pcm24k", "g711"]), **options(r, reasons, servers)}
    languages = r.sample(LANGUAGES, r.randint(1, 6))
    agent = {"languages": languages}
    maybe(r, agent, "voice", lambda: r.choice(sorted(VOICES)))
    maybe(r, agent, "tools", lambda: r.sample(["end_call", "transfer_call", "switch_language", "save_answer"], r.randint(0, 4)))
    maybe(r, agent, "prompts", lambda: {r.choice(languages): "Say what is needed."}, 0.3)
    own = r.random() < 0.5
    if own:
        agent["realtime"] = options(r, reasons, servers)
    lines = ["[realtime]", *(f"{k} = {toml(v)}" for k, v in top.items()), "[agents.default]",
             *(f"{k} = {toml(v)}" for k, v in agent.items())]
    if r.random() < 0.4:
        change = {"voice": r.choice(sorted(VOICES)), "realtime": {"speed": round(r.uniform(0.25, 1.5), 2)}}
        lines += ["[[experiments]]", 'name = "b"', f"percent = {r.randint(1, 100)}", f"set = {toml(change)}"]
    for name in servers:
        lines += [f"[mcp.{name}]", f'url = "https://{name}.example.com/mcp"']
        if r.random() < 0.5:
            lines += ['token_env = "MCP_TOKEN"', 'headers = { X-Tenant = "MCP_TENANT" }', 'allowed_tools = ["find", "book"]']
    return "\n".join(lines) + "\n", (agent["realtime"] if own else {}), top, model


def server_rules(session, model, options):
    """Rules of the server (its API reference of `session.update`) that neither the types nor the oracle hold."""
    reasons = model in REASONING
    for key in ("reasoning", "parallel_tool_calls"):
        if key in session and not reasons:
            yield f"{key} with {model}"
    heard = session["audio"]["input"]
    vad, asr = heard["turn_detection"], heard.get("transcription") or {}
    if vad["type"] == "semantic_vad" and set(vad) - {"type", "eagerness", "create_response", "interrupt_response"}:
        yield f"semantic_vad with {sorted(vad)}"
    if "language" in asr and "languages" in asr:
        yield "language together with languages"
    if {"languages", "keywords"} & set(asr) and asr["model"] not in KEYWORDS:
        yield f"languages or keywords with {asr['model']}"
    if "prompt" in asr and "diarize" in asr["model"]:
        yield "prompt with diarize"
    for direction in session["audio"].values():
        if direction["format"]["type"] != "audio/pcm" and "rate" in direction["format"]:
            yield "rate with G.711"
    if session["tool_choice"] == "required":
        yield "tool_choice required in a session"
    for key in ("temperature", "modalities", "prompt", "model", "include"):
        if key in session:
            yield f"the key {key}"
    for tool in session["tools"]:
        if tool["type"] == "mcp" and sum(k in tool for k in ("server_url", "connector_id", "tunnel_id")) != 1:
            yield "an MCP tool without exactly one place"
    # What was asked for is there: an update that says nothing is accepted by everybody.
    if "speed" in options and session["audio"]["output"].get("speed", 1.0) != options["speed"]:
        yield f"speed {session['audio']['output'].get('speed')} in place of {options['speed']}"
    if options.get("reasoning_effort") and session.get("reasoning") != {"effort": options["reasoning_effort"]}:
        yield "the effort is lost"
    ratio = options.get("retention_ratio")
    if isinstance(ratio, float) and session["truncation"]["retention_ratio"] != ratio:
        yield "the retention ratio is lost"


def main():
    binary, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    environment = {"PATH": os.environ["PATH"], "MCP_TOKEN": "t-secret", "MCP_TENANT": "h-secret"}
    seen, bad = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            r = random.Random(seed * 1_000_003 + number)
            text, own, top, model = configuration(r)
            path = pathlib.Path(folder) / "config.toml"
            path.write_text(text)
            ran = subprocess.run([binary, "check", "--config", path, "--session-update"], capture_output=True, text=True,
                                 env=environment, cwd=folder, timeout=60)
            problems = [] if ran.returncode == 0 else [f"refused: {ran.stderr}"]
            lines = [json.loads(line) for line in ran.stdout.splitlines()]
            if ran.returncode == 0 and not lines:
                problems.append("nothing was printed")
            for line in lines:
                event = line["event"]
                # A voice of one's own is an object, which the oracle's rule knows as well.
                problems += check_client(event)
                asked = {**top, **own} if line["variant"] is None else {}
                problems += server_rules(event["session"], line["model"], asked)
                if "secret" in json.dumps(event):
                    problems.append("a secret is printed")
                seen += 1
            if problems:
                bad += 1
                print(f"configuration {number} (seed {seed}):\n{text}\n  " + "\n  ".join(sorted(set(problems))[:10]))
                if bad > 3:
                    break
    print(f"{count} configurations, {seen} updates, {bad} bad")
    sys.exit(1 if bad or not seen else 0)


main()
