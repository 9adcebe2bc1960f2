"""Which values each streamed message may hold; servicers and clients share these."""

from __future__ import annotations

from typing import get_args

from protos import llm_pb2, stage_pb2, stt_pb2, tts_pb2
from services.core.model import attachment, reply, speech, voicing
from services.core.rpc.codec import OneOf

SPEECH_EVENT = OneOf(stt_pb2.TranscribeResponse, get_args(speech.SpeechEvent))
REPLY_EVENT = OneOf(llm_pb2.ReplyResponse, get_args(reply.ReplyEvent))
SPEAK_REQUEST = OneOf(tts_pb2.SpeakRequest, (voicing.SpeakOpen, voicing.Say))
SPEAK_EVENT = OneOf(tts_pb2.SpeakResponse, get_args(voicing.SpeakEvent))
ATTACH_UP = OneOf(stage_pb2.AttachRequest, get_args(attachment.AttachUp))
ATTACH_DOWN = OneOf(stage_pb2.AttachResponse, get_args(attachment.AttachDown))
