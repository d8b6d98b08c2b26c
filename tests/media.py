"""Makers of real test material: speech, an archive of recordings and the video of a face, the same bytes each time.

Speech needs the program espeak-ng (or espeak) on the path. The face is scikit-image's photograph of an astronaut (NASA, public
domain).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, lfilter

TEXTS = {
    "en": "The tape was found in a box beside the window. Nobody remembered the name of the street, only the sound of the rain.",
    "de": "Das Band lag in einer Schachtel am Fenster. Niemand wusste den Namen der Strasse, nur das Geraeusch des Regens.",
    "fr": "La bande dormait dans une boite pres de la fenetre. Personne ne savait le nom de la rue, juste le bruit de la pluie.",
    "pt": "A fita estava numa caixa ao lado da janela. Ninguem lembrava o nome da rua, apenas o som da chuva.",
}


def speech(text: str, path: Path, voice: str = "en", speed: int = 150, pitch: int = 50) -> Path:
    """Speaks a text into a mono 16-bit wav at 22050 Hz: `speed` in words per minute, `pitch` 0..99. Makes the folder.

    Raises RuntimeError where the program is missing or refuses the voice."""
    program = shutil.which("espeak-ng") or shutil.which("espeak")
    if not program:
        raise RuntimeError("speech needs the program espeak-ng; install it with the system's package manager")
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [program, "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path), text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode or not path.exists():
        raise RuntimeError(f"espeak-ng could not speak: {done.stderr.strip() or done.returncode}")
    return path


def pluck(frequency: float, seconds: float, rate: int, random: np.random.Generator) -> np.ndarray:
    """A plucked string, float64 [frames], peak 1: Karplus and Strong 1983, equation 2 with a loss of .996 a period."""
    period = max(round(rate / frequency - 0.5), 2)
    excitation = np.zeros(round(seconds * rate))
    excitation[:period] = random.uniform(-1.0, 1.0, min(period, len(excitation)))
    loop = np.zeros(period + 2)
    loop[0], loop[period], loop[period + 1] = 1.0, -0.498, -0.498
    return _peak(lfilter([1.0], loop, excitation))


def blow(frequency: float, seconds: float, rate: int, random: np.random.Generator, breath: float) -> np.ndarray:
    """A bowed or blown tone, float64 [frames], peak 1: partials falling by 1/k with a late vibrato at 5 Hz, and some breath."""
    t = np.arange(round(seconds * rate)) / rate
    vibrato = 0.006 * np.clip((t - 0.4) / 0.6, 0.0, 1.0) * np.sin(2 * np.pi * random.uniform(4.6, 5.4) * t)
    phase = 2 * np.pi * np.cumsum(frequency * (1.0 + vibrato)) / rate
    count = min(int(0.45 * rate / frequency), 14)
    # A reed or flute has weak even partials, a string has all of them: breath decides between the two.
    weights = [(1.0 / k) * (1.0 - breath if k % 2 == 0 else 1.0) for k in range(1, count + 1)]
    tone = sum(weight * np.sin(k * phase + random.uniform(0, 2 * np.pi)) for k, weight in enumerate(weights, 1))
    noise = lfilter(*butter(2, min(3.0 * frequency, 0.4 * rate), fs=rate), random.standard_normal(len(t)))
    envelope = np.clip(t / 0.12, 0.0, 1.0) * np.clip((seconds - t) / 0.25, 0.0, 1.0)
    return _peak((tone + breath * noise) * envelope)


def bell(frequency: float, seconds: float, rate: int) -> np.ndarray:
    """A bell, float64 [frames], peak 1: partial ratios and decays of Risset's bell (Dodge and Jerse 1997, figure 4.28)."""
    t = np.arange(round(seconds * rate)) / rate
    ratios = (0.56, 0.5617, 0.92, 0.9223, 1.19, 1.7, 2.0, 2.74, 3.0, 3.76, 4.07)
    levels = (1.0, 0.67, 1.0, 1.8, 2.67, 1.67, 1.46, 1.33, 1.33, 1.0, 1.33)
    lasts = (1.0, 0.9, 0.65, 0.55, 0.325, 0.35, 0.25, 0.2, 0.15, 0.1, 0.075)
    parts = zip(ratios, levels, lasts, strict=True)
    return _peak(sum(g * np.exp(-5.0 * t / (d * seconds)) * np.sin(2 * np.pi * frequency * r * t) for r, g, d in parts))


def brush(seconds: float, rate: int, random: np.random.Generator) -> np.ndarray:
    """A stroke of a wire brush, float64 [frames], peak 1: band-passed noise that swells and falls."""
    t = np.arange(round(seconds * rate)) / rate
    low = random.uniform(900.0, 2500.0)
    noise = lfilter(*butter(2, [low, min(4.0 * low, 0.45 * rate)], btype="band", fs=rate), random.standard_normal(len(t)))
    return _peak(noise * (t / seconds) ** 0.3 * np.exp(-4.0 * t / seconds))


def _peak(sound: np.ndarray) -> np.ndarray:
    return sound / max(np.abs(sound).max(initial=0.0), 1e-9)


def _phrase(kind: str, seconds: float, rate: int, random: np.random.Generator) -> np.ndarray:
    """Notes of one instrument one after another, with rests, at uneven loudness; peak about -6 dB."""
    scale = 110.0 * 2.0 ** (np.array([0, 3, 5, 7, 10, 12, 15, 17, 19, 22, 24]) / 12.0)
    sound = np.zeros(round(seconds * rate))
    at = 0.15
    while at < seconds - 0.6:
        last = min(float(random.uniform(*{"bell": (1.5, 3.0), "brush": (0.2, 0.6)}.get(kind, (0.5, 1.8)))), seconds - at)
        note = float(random.choice(scale))
        if kind == "pluck":
            one = pluck(note, last, rate, random)
        elif kind == "bell":
            one = bell(4.0 * note, last, rate)
        elif kind == "brush":
            one = brush(last, rate, random)
        else:
            one = blow(2.0 * note, last, rate, random, breath=0.1 if kind == "bow" else 0.7)
        fade = np.clip(np.arange(len(one))[::-1] / (0.02 * rate), 0.0, 1.0)
        start = round(at * rate)
        one = (one * fade)[: len(sound) - start]
        sound[start : start + len(one)] += one * 10.0 ** (random.uniform(-16.0, 0.0) / 20.0)
        at += last * random.uniform(0.6, 1.0) + (random.uniform(0.2, 0.6) if random.random() < 0.3 else 0.0)
    return 0.5 * _peak(sound)


def archive(folder: Path, seconds: float, seed: int = 0) -> list[Path]:
    """Writes a small archive of at least that many seconds in all and gives its files: voices in four languages, strings,
    winds and metal in sub-folders, wav and flac, mono and stereo, at 22050, 44100 and 48000 Hz, peaks at -6 dB."""
    kinds = (
        ("voices", "speech", 22050, 1, "wav"),
        ("strings", "pluck", 44100, 1, "wav"),
        ("metal", "bell", 48000, 2, "flac"),
        ("winds", "blow", 44100, 1, "flac"),
        ("voices", "speech", 22050, 1, "flac"),
        ("strings", "bow", 48000, 2, "wav"),
        ("metal", "brush", 44100, 2, "wav"),
    )
    length = float(np.clip(seconds / len(kinds), 3.0, 20.0))
    made: list[Path] = []
    total = 0.0
    while total < seconds or len(made) < len(kinds):
        number = len(made)
        place, kind, rate, channels, ending = kinds[number % len(kinds)]
        random = np.random.default_rng([seed, number])
        path = folder / place / f"{kind}_{number:03d}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "speech":
            sound = _talk(path, length, number // 2, random)
        else:
            sound = _phrase(kind, length, rate, random)
        if channels == 2:
            # Two microphones: the second hears the same a millisecond later and a little softer.
            sound = np.stack([sound, 0.8 * np.roll(sound, rate // 1000)], axis=1)
        soundfile.write(path, sound, rate, subtype="PCM_16")
        made.append(path)
        total += len(sound) / rate
    return made


def _talk(path: Path, seconds: float, number: int, random: np.random.Generator) -> np.ndarray:
    voices = list(TEXTS)
    voice = voices[number % len(voices)]
    raw = path.with_suffix(".raw.wav")
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < seconds * 22050:
        speech(TEXTS[voice], raw, voice, speed=int(random.integers(120, 170)), pitch=int(random.integers(20, 80)))
        sound, rate = soundfile.read(raw)
        assert rate == 22050, "espeak-ng speaks at 22050 Hz"
        parts += [sound, np.zeros(8000)]
    raw.unlink()
    return 0.5 * _peak(np.concatenate(parts)[: round(seconds * 22050)])


# The face. Positions are pixels of the astronaut photograph, read off its face landmarks.
FACE = (223.0, 122.0)
MOUTH = (223.0, 146.0, 21.0)  # centre x, y of the lower lip's inner edge at the centre, half width
EYES = ((203.5, 101.1), (246.6, 103.5))  # the middles of the irises
POSES: dict[str, dict[str, float]] = {
    "neutral": {},
    "open": {"mouth": 1.0},
    "brows": {"brows": 1.0},
    "turned": {"roll": 0.25, "yaw": 0.6, "x": 0.04},
    "wide": {"wide": 1.0, "scale": 0.06},
}
"""What each held pose adds to the photograph: mouth, brows, wide 0..1; roll in radians (positive: clockwise as seen); yaw 0..1;
x, y in widths of the picture; scale as a part of the size; look, where the eyes look, -1 (left) to 1."""
CHANNELS = ("mouth", "brows", "wide", "roll", "yaw", "x", "y", "scale", "look")
SCHEDULE = (("neutral", 2.0), ("open", 2.0), ("brows", 2.0), ("turned", 2.0), ("wide", 2.0))
MOVE = 0.5  # seconds from one pose to the next


def spans(seconds: float, schedule: Sequence[tuple[str, float]] = SCHEDULE) -> list[tuple[str, float, float]]:
    """When each pose is held still: (name, from, to) in seconds. The schedule is repeated until the end."""
    found: list[tuple[str, float, float]] = []
    start = 0.0
    while start < seconds - 1e-9:
        for name, length in schedule:
            first, last = start + (MOVE if start else 0.0), min(start + length, seconds)
            if last - first > 0.25:
                found.append((name, first, last))
            start += length
    return found


def face_schedule(seconds: float, fps: float = 30.0, schedule: Sequence[tuple[str, float]] = SCHEDULE) -> dict[str, np.ndarray]:
    """The value of every channel of POSES at every picture, float64 [pictures], with `time` in seconds. The head is never quite
    still: roll, x and y also swing by .02 radians and .01 widths."""
    time = np.arange(round(seconds * fps)) / fps
    targets = [(start - (MOVE if start else 0.0), POSES[name]) for name, start, _ in spans(seconds + 10.0, schedule)]
    out = {"time": time}
    for channel in CHANNELS:
        value = np.full(len(time), targets[0][1].get(channel, 0.0))
        for start, pose in targets[1:]:
            part = 0.5 - 0.5 * np.cos(np.pi * np.clip((time - start) / MOVE, 0.0, 1.0))
            value += (pose.get(channel, 0.0) - value) * part
        out[channel] = value
    out["roll"] = out["roll"] + 0.02 * np.sin(2 * np.pi * 0.31 * time)
    out["x"] = out["x"] + 0.01 * np.sin(2 * np.pi * 0.23 * time)
    out["y"] = out["y"] + 0.01 * np.sin(2 * np.pi * 0.17 * time)
    return out


@cache
def _photograph() -> np.ndarray:
    """The astronaut with all but the face out of focus, as a wide lens would have it, which also keeps videos small."""
    import cv2
    from skimage import data

    photo = data.astronaut().astype(np.float32)
    x, y = np.meshgrid(np.arange(512) - FACE[0], np.arange(512) - FACE[1])
    sharp = np.clip(3.0 - 2.0 * np.hypot(x / 56.0, y / 70.0), 0.0, 1.0)[..., None].astype(np.float32)
    return sharp * cv2.GaussianBlur(photo, (0, 0), 0.7) + (1.0 - sharp) * cv2.GaussianBlur(photo, (0, 0), 3.5)


def _bump(distance: np.ndarray, power: int) -> np.ndarray:
    # 1 near 0 and 0 far away. Without the limits, negative bases and tiny results take most of the time of a picture.
    return np.exp(-np.minimum(np.abs(distance) ** power, 20.0))


def face_picture(pose: dict[str, float], size: tuple[int, int] = (320, 320)) -> np.ndarray:
    """The astronaut in a pose, uint8 [h, w, 3] RGB; `size` is (width, height). Missing channels are 0."""
    import cv2

    value = {channel: float(pose.get(channel, 0.0)) for channel in CHANNELS}
    width, height = size
    zoom = min(width, height) / 220.0 * (1.0 + value["scale"])
    gx, gy = np.meshgrid(np.arange(width, dtype=np.float32) + 0.5, np.arange(height, dtype=np.float32) + 0.5)
    # Backwards from the picture: undo position, size and roll of the whole, then each part of the face in turn.
    gx = (gx - width * (0.5 + value["x"])) / zoom
    gy = (gy - height * (0.52 + value["y"])) / zoom
    cos, sin = np.cos(value["roll"]), np.sin(value["roll"])
    x, y = FACE[0] + cos * gx + sin * gy, FACE[1] - sin * gx + cos * gy

    # Turning: what is nearer to the camera moves further; the head is taken for an ellipsoid.
    depth = np.sqrt(np.clip(1.0 - ((x - FACE[0]) / 62.0) ** 2 - ((y - FACE[1]) / 74.0) ** 2, 0.0, 1.0))
    x = x - 22.0 * value["yaw"] * depth * depth * (3.0 - 2.0 * depth)

    # Looking aside: what is within the lids moves, the corners of the eyes stay.
    for eye_x, eye_y in EYES:
        lids = _bump((x - eye_x) / 8.0, 4) * _bump((y - eye_y) / 4.5, 4)
        x = x - 4.0 * value["look"] * lids

    # A wide mouth: the corners go outwards, the cheeks yield.
    near = _bump((x - MOUTH[0]) / 34.0, 4) * _bump((y - 143.0) / 17.0, 4)
    x = x - (x - MOUTH[0]) * 0.2 * value["wide"] * near

    # Brows go up, the forehead yields; the lids, below, stay.
    above = np.clip((96.0 - y) / 10.0, 0.0, 1.0) * np.clip((y - 56.0) / 24.0, 0.0, 1.0)
    y = y + 7.0 * value["brows"] * above * _bump((x - 225.0) / 52.0, 6)

    # Opening: what lies below the lip line goes down with the jaw, the neck yields, and the gap shows the dark inside.
    u = (x - MOUTH[0]) / MOUTH[2]
    line = MOUTH[1] - 1.0 + 4.5 * np.sqrt(np.clip(1.0 - u * u, 0.0, 1.0)) - 5.5 * np.clip(u * u, 0.0, 4.0)
    lips = np.clip(1.0 - u * u, 0.0, 1.0) ** 0.6
    below = y
    cheeks = _bump(u / 1.9, 4)
    for _ in range(4):
        jaw = np.clip((below - line) / 30.0, 0.0, 1.0)
        across = (1.0 - jaw) * lips + jaw * cheeks
        below = y - 17.0 * value["mouth"] * across * np.clip((230.0 - below) / 55.0, 0.0, 1.0)
    gap = 17.0 * value["mouth"] * lips
    inside = np.clip(np.minimum(y - line, line + gap - y) / 1.2, 0.0, 1.0)[..., None] * (gap > 0.5)[..., None]
    tongue = np.clip((y - line) / np.maximum(gap, 1.0), 0.0, 1.0)[..., None] ** 2
    dark = np.array([38, 12, 12], np.float32) + tongue * np.array([90, 35, 35], np.float32)
    y = np.where(y < line, y, np.maximum(below, line))

    source = (x - 0.5).astype(np.float32), (y - 0.5).astype(np.float32)
    photo = cv2.remap(_photograph(), *source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.clip(photo * (1.0 - inside) + dark * inside + 0.5, 0.0, 255.0).astype(np.uint8)


def face_video(
    path: Path,
    seconds: float = 12.0,
    fps: float = 30.0,
    size: tuple[int, int] = (320, 320),
    schedule: Sequence[tuple[str, float]] = SCHEDULE,
) -> dict[str, np.ndarray]:
    """Writes the astronaut's face moving through a schedule as .mp4 and gives `face_schedule` of it. Raises OSError where
    the file cannot be written."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    moves = face_schedule(seconds, fps, schedule)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, size)
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written as a video")
    for number in range(len(moves["time"])):
        pose = {channel: float(moves[channel][number]) for channel in CHANNELS}
        writer.write(np.ascontiguousarray(face_picture(pose, size)[:, :, ::-1]))
    writer.release()
    return moves
