"""Random valid configurations, whose setup the types of the official SDK and the rules of each family of models have to accept."""
import json, os, pathlib, random, subprocess, sys, tempfile

from google.genai import types

VOICES = ["Kore", "Puck", "Zephyr", "Sulafat"]
LANGUAGES = ["en", "hi", "mr", "te", "ta", "ml"]
TOOLS = ["end_call", "transfer_call", "switch_language", "save_answer"]
# What the thinking of a family is set to; None: the field is refused.
THINKING = {
    "gemini-3.8-live": None,
    "gemini-3.8-live-extended-thinking": {"thinkingLevel": "LOW"},
    "gemini-3.1-flash-live-preview": {"thinkingLevel": "MINIMAL"},
    "gemini-2.5-flash-native-audio-preview-12-2025": {"thinkingBudget": 0},
}
BLOCKING = "gemini-3.1-flash-live-preview"


def configuration(r):
    model, languages = r.choice(sorted(THINKING)), r.sample(LANGUAGES, r.randint(1, 6))
    lines = ["[realtime]", 'provider = "gemini"', f'model = "{model}"', f'voice = "{r.choice(VOICES)}"']
    asked = {"model": model}
    if r.random() < 0.5:
        asked["tokens"] = r.randint(1, 4096)
        lines.append(f"max_output_tokens = {asked['tokens']}")
    asked["silence"], asked["interrupts"] = r.randint(100, 5000), r.random() < 0.7
    lines += ["[realtime.turn_detection]", f'silence_duration = "{asked["silence"]}ms"',
              f"interrupt_response = {str(asked['interrupts']).lower()}", f"threshold = {round(r.random(), 2)}"]
    lines += ["[realtime.transcription]", f"enabled = {r.choice(['true', 'false'])}"]
    asked["tools"] = r.sample(TOOLS, r.randint(0, 4))
    lines += ["[agents.default]", f"languages = {json.dumps(languages)}", f"tools = {json.dumps(asked['tools'])}"]
    return "\n".join(lines) + "\n", asked


def rules(setup, asked):
    """Rules of the server that the types do not hold."""
    generation = setup["generationConfig"]
    if setup["model"] != f"models/{asked['model']}":
        yield f"the model {setup['model']}"
    if generation["responseModalities"] != ["AUDIO"]:
        yield "another modality than audio"
    if generation.get("thinkingConfig") != THINKING[asked["model"]]:
        yield f"thinking {generation.get('thinkingConfig')}"
    # Without a limit of one's own the shipped one holds.
    if "tokens" in asked and generation.get("maxOutputTokens") != asked["tokens"]:
        yield "the limit of tokens is lost"
    for key in ("temperature", "topP", "enableAffectiveDialog"):
        if key in generation:
            yield f"the key {key}"
    if "proactivity" in setup:
        yield "proactivity"
    if "contextWindowCompression" not in setup:
        yield "no compression: the session ends after fifteen minutes"
    detection = setup["realtimeInputConfig"]["automaticActivityDetection"]
    if detection["silenceDurationMs"] != asked["silence"]:
        yield "the silence is lost"
    handling = "START_OF_ACTIVITY_INTERRUPTS" if asked["interrupts"] else "NO_INTERRUPTION"
    if setup["realtimeInputConfig"]["activityHandling"] != handling:
        yield "who interrupts is lost"
    declared = [f for tool in setup.get("tools", []) for f in tool["functionDeclarations"]]
    for function in declared:
        if (function.get("behavior") is None) != (asked["model"] == BLOCKING):
            yield f"behavior {function.get('behavior')}"
    if not {f["name"] for f in declared} <= set(TOOLS):
        yield "a tool that nobody asked for"


def judged(event):
    """What the SDK's types refuse. Its own type of a setup lacks a field that the SDK writes, which is judged apart."""
    setup = event["setup"]
    try:
        types.RealtimeInputConfig.model_validate(setup["realtimeInputConfig"])
        rest = {key: value for key, value in setup.items() if key != "realtimeInputConfig"}
        types.LiveClientMessage.model_validate({"setup": rest})
    except ValueError as refused:
        yield str(refused)


def main():
    binary, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    environment = {"PATH": os.environ["PATH"], "GEMINI_API_KEY": "AIza-secret"}
    seen, bad = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            text, asked = configuration(random.Random(seed * 1_000_003 + number))
            path = pathlib.Path(folder) / "config.toml"
            path.write_text(text)
            ran = subprocess.run([binary, "check", "--config", path, "--session-update"], capture_output=True, text=True,
                                 env=environment, cwd=folder, timeout=60)
            problems = [] if ran.returncode == 0 else [f"refused: {ran.stderr}"]
            lines = [json.loads(line) for line in ran.stdout.splitlines()]
            if ran.returncode == 0 and not lines:
                problems.append("nothing was printed")
            for line in lines:
                problems += judged(line["event"])
                problems += rules(line["event"]["setup"], asked)
                if "secret" in json.dumps(line):
                    problems.append("a secret is printed")
                seen += 1
            if problems:
                bad += 1
                print(f"configuration {number} (seed {seed}):\n{text}\n  " + "\n  ".join(sorted(set(problems))[:10]))
                if bad > 3:
                    break
    print(f"{count} configurations, {seen} setups, {bad} bad")
    sys.exit(1 if bad or not seen else 0)


main()
