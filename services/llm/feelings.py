"""Words for feelings: what a model or a card writes beside the speech, translated into the one neutral vocabulary."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

from services.core.model.prosody import Emotion, Manner


@dataclass(frozen=True, slots=True)
class Mark:
    """A lifted emotion mark; None = it says nothing about that."""

    emotion: Emotion | None = None
    intensity: float | None = None
    """0 to 1."""
    manner: Manner | None = None

    def over(self, other: Mark | None) -> Mark:
        """This mark, completed by an earlier one of the same sentence."""
        if other is None:
            return self
        return Mark(
            self.emotion or other.emotion,
            self.intensity if self.intensity is not None else other.intensity,
            self.manner or other.manner,
        )


_EMOTION_WORDS: Final[dict[Emotion, str]] = {
    Emotion.NEUTRAL: "neutral calm calmly flat flatly neutrally плоско спокойно нейтрально спокойный ровно 平静 冷静 中性",
    Emotion.JOY: (
        "joy joyful joyfully happy happily happiness glad gladly cheerful cheerfully cheery merry merrily delighted delight excited excitedly excitement amused amusement "
        "amusedly playful playfully laugh laughs laughing laughter chuckle chuckles chuckling giggle giggles giggling grin grins grinning smile smiles smiling smirk smirks "
        "beam beams beaming proud proudly enthusiastic enthusiastically bright brightly warm warmly jolly gleeful gleefully eager eagerly hopeful winks "
        "радость радостно радостный радуется весело весёлый веселый веселье смеётся смеется смеясь смех хохочет хохоча улыбается улыбаясь улыбка ухмыляется "
        "усмехается усмехаясь хихикает счастливо счастье восторженно восторг довольно гордо оживлённо оживленно подмигивает "
        "高兴 开心 喜悦 快乐 愉快 兴奋 微笑 大笑 笑着 笑 得意 欢喜 哈哈"
    ),
    Emotion.SADNESS: (
        "sad sadly sadness sorrow sorrowful sorrowfully mournful mournfully melancholy grief grieving gloomy gloomily cry cries crying sob sobs sobbing weep weeps weeping "
        "tearful tearfully tears regretful regretfully wistful wistfully lonely heartbroken somber dejected disappointed "
        "грусть грустно грустный печаль печально печальный тоска тоскливо плачет плача рыдает всхлипывает горе горько скорбно уныло с-тоской сокрушённо "
        "悲伤 难过 伤心 忧伤 哭泣 哭 哽咽 失落 遗憾 沮丧"
    ),
    Emotion.ANGER: (
        "anger angry angrily furious furiously fury rage raging enraged irritated irritably annoyed annoyance growl growls growling snarl snarls snarling hiss hisses scowl scowls "
        "glare glares fierce fiercely outraged indignant indignantly stern sternly threatening threateningly menacing menacingly grim grimly snaps "
        "гнев гневно гневный злость злобно злой зло сердито сердится сердитый ярость яростно рычит рыча рык шипит возмущённо возмущенно раздражённо раздраженно грозно угрожающе сурово рявкает "
        "愤怒 生气 发怒 恼火 怒 气愤 咆哮 低吼 威胁 严厉"
    ),
    Emotion.FEAR: (
        "fear fearful fearfully afraid scared frightened terrified terror nervous nervously anxious anxiously anxiety worried worriedly panic panicked trembling trembles tremble "
        "shaking shaky shakily stammer stammers stammering stutter stutters gulp gulps hesitant hesitantly timid timidly uneasy uneasily shivers "
        "страх испуганно испуг боязливо боится боясь тревожно тревога нервно нервничает дрожит дрожа дрожащим ужас в-ужасе паника робко запинаясь беспокойно опасливо настороженно "
        "害怕 恐惧 紧张 担心 惊恐 颤抖 发抖 结巴 不安 慌张 焦虑 胆怯"
    ),
    Emotion.DISGUST: (
        "disgust disgusted disgustedly revolted revulsion repulsed gag gags grossed nauseated "
        "отвращение брезгливо морщится морщась гадливо противно с-отвращением "
        "厌恶 恶心 嫌弃 反感"
    ),
    Emotion.SURPRISE: (
        "surprise surprised surprisedly astonished astonishment amazed amazement shocked shock startled stunned gasp gasps gasping wonder wide-eyed awe curious curiously intrigued "
        "удивление удивлённо удивленно удивляется удивляясь изумлённо изумленно изумление поражённо потрясённо ахает вздрагивает ошеломлённо любопытно с-любопытством "
        "惊讶 吃惊 惊奇 震惊 诧异 意外 好奇"
    ),
    Emotion.TENDERNESS: (
        "tender tenderly tenderness gentle gently loving lovingly love affectionate affectionately affection soothing soothingly caring fond fondly kind kindly compassionate "
        "soft softly sympathetic sympathetically comforting blushing blushes shy shyly "
        "нежность нежно нежный ласково ласковый мягко заботливо любовь любя тепло сочувственно сочувствие утешая застенчиво смущённо смущенно краснеет "
        "温柔 柔和 亲切 疼爱 深情 怜爱 轻柔 温和 关切 害羞 脸红"
    ),
    Emotion.CONTEMPT: (
        "contempt contemptuous contemptuously scorn scornful scornfully sneer sneers sneering disdain disdainful disdainfully mocking mockingly mock scoff scoffs scoffing haughty haughtily "
        "condescending condescendingly dismissive dismissively snort snorts rolls-eyes "
        "презрение презрительно надменно высокомерно насмешливо насмешка фыркает фыркая свысока издевательски "
        "轻蔑 鄙视 不屑 傲慢 嘲笑 嘲讽 冷笑 蔑视"
    ),
    Emotion.WEARINESS: (
        "weary wearily weariness tired tiredly exhausted exhaustion sigh sighs sighing yawn yawns yawning bored boredom sleepy sleepily drowsy fatigued groan groans resigned resignedly "
        "усталость устало усталый вздыхает вздыхая вздох зевает зевая скучая скучающе утомлённо утомленно измученно обречённо сонно "
        "疲惫 疲倦 累 叹气 叹息 打哈欠 无奈 厌倦 困倦"
    ),
}
_MANNER_WORDS: Final[dict[Manner, str]] = {
    Manner.PLAIN: "plain",
    Manner.WHISPER: (
        "whisper whispers whispering whispered hushed quiet quietly murmur murmurs murmuring mutter mutters muttering under-breath "
        "шёпот шепот шёпотом шепотом шепчет шепча тихо вполголоса бормочет бормоча 低语 耳语 悄悄 小声 轻声 低声 嘀咕"
    ),
    Manner.SHOUT: (
        "shout shouts shouting shouted yell yells yelling scream screams screaming roar roars roaring loud loudly bellow bellows bellowing booming "
        "крик кричит крича кричать громко орёт орет вопит ревёт ревет рёв восклицает 喊 大喊 喊叫 吼 怒吼 大声 叫道 尖叫"
    ),
    Manner.SING_SONG: "sing sings singing sing-song singsong hum hums humming chant chanting напевно напевает напевая поёт поет нараспев 唱 哼唱 哼歌",
    Manner.SARCASTIC: "sarcastic sarcastically sarcasm ironic ironically irony wry wryly dry dryly deadpan саркастично сарказм иронично ирония с-иронией язвительно 讽刺 反讽 挖苦",
}
_SIDE_EMOTION: Final[dict[str, Emotion]] = {"softly": Emotion.TENDERNESS, "soft": Emotion.TENDERNESS}
_STRENGTH: Final[dict[str, float]] = {
    "slightly": 0.3, "slight": 0.3, "little": 0.3, "mildly": 0.3, "faintly": 0.2, "somewhat": 0.4, "low": 0.3, "medium": 0.5, "very": 0.9, "deeply": 0.9,
    "extremely": 1.0, "high": 0.9, "strong": 0.9, "strongly": 0.9, "slight-": 0.3, "немного": 0.3, "слегка": 0.3, "чуть": 0.2, "очень": 0.9, "сильно": 0.9,
    "крайне": 1.0, "有点": 0.3, "略": 0.3, "很": 0.8, "非常": 0.95, "极": 1.0,
}  # fmt: skip
_ACTIONS: Final = frozenset(
    ["nods", "nod", "nodding", "shrugs", "shrug", "shrugging", "pauses", "pause", "pausing", "leans", "leaning", "looks", "looking", "glances", "glancing", "bows", "bowing", "waves", "waving", "gestures", "points", "clears", "coughs", "cough", "turns", "steps", "stares", "tilts", "raises", "shakes", "crosses", "sits", "stands", "walks", "takes", "sips", "pours", "leaning", "beat", "silence", "thinks", "thinking", "кивает", "кивая", "пожимает", "пауза", "молчит", "наклоняется", "оглядывается", "смотрит", "кашляет", "откашливается", "машет", "поворачивается", "разводит", "задумчиво", "думает", "点头", "摇头", "耸肩", "停顿", "沉默", "看着", "叹", "挥手", "鞠躬", "思考"]
)
_EMOJI: Final[dict[Emotion, str]] = {
    Emotion.JOY: "😀😃😄😁😆😅🤣😂🙂😉😊😎🤩😋😜🥳😏🎉😸",
    Emotion.SADNESS: "😢😭😞😔😟🙁😥😿💔🥺",
    Emotion.ANGER: "😠😡🤬👿💢😤",
    Emotion.FEAR: "😨😱😰😧😖",
    Emotion.DISGUST: "🤢🤮😒",
    Emotion.SURPRISE: "😮😲😯🤯😳",
    Emotion.TENDERNESS: "🥰😍😘😚🤗💕💖💗❤♥",
    Emotion.CONTEMPT: "🙄😑",
    Emotion.WEARINESS: "😴😪🥱😫😩",
}
EMOJI_MARKS: Final[dict[str, Mark]] = {sign: Mark(emotion) for emotion, signs in _EMOJI.items() for sign in signs}
"""Emoji that say what is felt."""

_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d*\.?\d+\s*%?")
_CJK: Final = re.compile(r"[\u3400-\u9fff]")


def _table(groups: dict[Emotion, str] | dict[Manner, str]) -> dict[str, Emotion | Manner]:
    return {word.replace("ё", "е"): meaning for meaning, words in groups.items() for word in words.split()}


_LEXICON: Final = _table(_EMOTION_WORDS) | _table(_MANNER_WORDS)
_CJK_LEXICON: Final = sorted((item for item in _LEXICON.items() if _CJK.search(item[0])), key=lambda item: -len(item[0]))
_CJK_ACTIONS: Final = tuple(word for word in _ACTIONS if _CJK.search(word))


def read_mark(content: str) -> Mark | None:
    """The mark in what stood between brackets or asterisks: "joy:0.8 whisper", "angrily", "с грустью". None = it names no feeling."""
    emotion: Emotion | None = None
    manner: Manner | None = None
    strength: float | None = None
    for meaning in _meanings(content):
        if isinstance(meaning, Emotion):
            emotion = emotion or meaning
        elif isinstance(meaning, Manner):
            manner = manner or meaning
        elif strength is None:
            strength = meaning
    if emotion is None and manner is None:
        return None
    return Mark(emotion, strength, manner)


def names_action(content: str) -> bool:
    """The words begin like a gesture: "nods slowly", "пожимает плечами"."""
    words = _WORD.findall(fold(content))
    return bool(words) and (words[0] in _ACTIONS or any(word in content for word in _CJK_ACTIONS))


def fold(text: str) -> str:
    """Letters compared without case, compatibility forms or the dots of ё."""
    return unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")


def _meanings(content: str) -> list[Emotion | Manner | float]:
    found: list[Emotion | Manner | float] = []
    text = fold(content)
    for word in _WORD.findall(text):
        if word[0].isdigit() or word[0] == ".":
            number = float(word.rstrip("% ").strip())
            found.append(min(1.0, number / 100 if number > 1 else number))
        elif word in _STRENGTH:
            found.append(_STRENGTH[word])
        elif _CJK.search(word):
            found += [meaning for key, meaning in _CJK_LEXICON if key in word][:2]
            found += [value for key, value in _STRENGTH.items() if key in word][:1]
        else:
            meaning = _meaning(word)
            if meaning is not None:
                found.append(meaning)
    return found


@cache
def _ru_stems() -> dict[str, Emotion | Manner]:
    """Russian words bend at the end; their first letters tell enough."""
    return {word[: max(4, len(word) - 2)]: meaning for word, meaning in _LEXICON.items() if "а" <= word[0] <= "я" and len(word) > 4}


def _meaning(word: str) -> Emotion | Manner | None:
    if word in _LEXICON:
        return _LEXICON[word]
    if "а" <= word[0] <= "я" and len(word) > 4:
        stems = _ru_stems()
        for length in range(len(word), 3, -1):
            if word[:length] in stems:
                return stems[word[:length]]
        return None
    for ending in ("ingly", "ily", "ly", "ing", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            for candidate in (stem, stem + "y", stem + "e"):
                if candidate in _LEXICON:
                    return _LEXICON[candidate]
    return None
