"""The ring: numbered kernel→client entries, kept until every session that is owed one has acknowledged it.

One list serves all sessions; each has a `Cursor` with what was sent to it and what it acknowledged, so resuming is a
matter of moving a number. Overflow drops *stream* output owed to absent sessions only, and says so in its place.
"""

from bisect import bisect_right
from operator import attrgetter

from .frames import EVENT, json_frame, message_frame

_ENTRY_OVERHEAD = 200
_BATCH_BYTES = 1 << 18
_COMPACT_AFTER = 4096
_number = attrgetter("seq")


class Entry:
    """`owner` is the tag of the one session it is owed to, 0 for all; `hole` is set on a notice of dropped entries."""

    __slots__ = ("droppable", "frame", "hole", "owner", "seq")

    def __init__(self, seq: int, owner: int, frame: bytes, droppable: bool, hole: "Hole | None" = None) -> None:
        self.seq = seq
        self.owner = owner
        self.frame = frame
        self.droppable = droppable
        self.hole = hole


class Hole:
    """Entries first…last that were dropped: how many and how large."""

    __slots__ = ("bytes", "first", "last", "messages")

    def __init__(self, first: int, last: int, messages: int, size: int) -> None:
        self.first, self.last, self.messages, self.bytes = first, last, messages, size

    def add(self, entry: Entry) -> None:
        self.last = entry.seq
        if entry.hole:
            self.messages += entry.hole.messages
            self.bytes += entry.hole.bytes
        else:
            self.messages += 1
            self.bytes += len(entry.frame)

    def fields(self) -> dict:
        return {"first": self.first, "last": self.last, "messages": self.messages, "bytes": self.bytes}

    def frame(self) -> bytes:
        return json_frame(EVENT, self.last, {"event": "dropped", **self.fields()})


class Cursor:
    """Where one session stands. `sent` may go back (resume); `acked` never does."""

    __slots__ = ("acked", "attached", "hole", "sent", "tag")

    def __init__(self, tag: int, start: int) -> None:
        self.tag = tag
        self.sent = self.acked = start
        self.attached = False
        self.hole: Hole | None = None


class Ring:
    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self.last = 0
        self.cursors: dict[int, Cursor] = {}
        self.lost: Hole | None = None  # what was let go of although nobody had it
        self._entries: list[Entry | None] = []
        self._head = 0

    def __len__(self) -> int:
        return len(self._entries) - self._head

    @property
    def first(self) -> int:
        """Number of the oldest entry held; `last` + 1 when none is."""
        return self._entries[self._head].seq if len(self) else self.last + 1

    @property
    def overfull(self) -> bool:
        return self.bytes > self.limit_bytes

    def append_message(self, channel: bytes, parts: list, owner: int = 0, droppable: bool = False) -> None:
        self.last = seq = self.last + 1
        data = message_frame(seq, channel, parts)
        self.bytes += len(data) + _ENTRY_OVERHEAD
        self._entries.append(Entry(seq, owner, data, droppable))

    def append_event(self, fields: dict) -> bytes:
        """@returns the frame, for those who get it besides the sessions"""
        self.last += 1
        data = json_frame(EVENT, self.last, fields)
        self.bytes += len(data) + _ENTRY_OVERHEAD
        self._entries.append(Entry(self.last, 0, data, False))
        return data

    def open(self, tag: int, start: int) -> Cursor:
        cursor = self.cursors[tag] = Cursor(tag, min(start, self.last))
        return cursor

    def forget(self, tag: int) -> None:
        cursor = self.cursors.pop(tag, None)
        if self.cursors:
            self.trim()
        elif cursor:
            for index in range(self._head, len(self._entries)):
                if self._entries[index].seq > cursor.acked:
                    self._lose(self._entries[index])
            self._release(len(self._entries))

    def rewind(self, cursor: Cursor, seen: int | None) -> Hole | None:
        """Send again after `seen` (a statement of what arrived), else after what was acknowledged.

        @returns what can't be sent any more though this session may be owed it
        """
        if seen is not None:
            seen = min(seen, self.last)
            self.acknowledge(cursor, seen)
        cursor.sent = cursor.acked if seen is None else seen
        hole, cursor.hole = cursor.hole, None
        return hole if hole and (seen is None or seen < hole.last) else None

    def acknowledge(self, cursor: Cursor, seq: int) -> None:
        if cursor.acked < seq <= self.last:
            cursor.acked = seq
            cursor.sent = max(cursor.sent, seq)
            self.trim()

    def pull(self, cursor: Cursor) -> list[bytes]:
        """The next frames for this session, about 256 KiB of them; they count as sent."""
        entries = self._entries
        if cursor.sent >= self.last:
            return []
        batch: list[bytes] = []
        size = 0
        seq = self.last
        tag = cursor.tag
        start = bisect_right(entries, cursor.sent, lo=self._head, key=_number)
        for index in range(start, len(entries)):
            entry = entries[index]
            if not entry.owner or entry.owner == tag:
                batch.append(entry.frame)
                size += len(entry.frame)
                if size >= _BATCH_BYTES:
                    seq = entry.seq
                    break
        cursor.sent = seq
        return batch

    def trim(self) -> None:
        """Release the oldest entries that nobody is owed any more."""
        if not self.cursors:
            return
        floor = min(cursor.acked for cursor in self.cursors.values())
        entries = self._entries
        index = self._head
        end = len(entries)
        owed = self._owed
        while index < end:
            entry = entries[index]
            if entry.seq > floor if not entry.owner else owed(entry, floor):
                break
            index += 1
        self._release(index)

    def make_room(self) -> Hole | None:
        """Drop what policy lets drop until the ring is within 7/8 of its limit.

        First what nobody is owed, then stream output owed to absent sessions only; at last, when those who are attached
        keep up, the claims of absent sessions as a whole (told to them when they return).

        @returns what was dropped though somebody was owed it; check `overfull` afterwards
        """
        dropped = self._sweep()
        while self.overfull:
            floor = self.attached_floor()
            absent = [c for c in self.cursors.values() if not c.attached and floor is not None and c.acked < floor]
            if not absent:
                break
            self._give_up(min(absent, key=attrgetter("acked")), floor)
            self._sweep()
        return dropped

    def _lose(self, entry: Entry) -> None:
        self.lost = self.lost or Hole(entry.seq, entry.seq, 0, 0)
        self.lost.add(entry)

    def attached_floor(self) -> int | None:
        """What all who are attached have; None when nobody is."""
        return min((cursor.acked for cursor in self.cursors.values() if cursor.attached), default=None)

    def caught_up(self) -> bool:
        """Whether all who are attached have acknowledged all that is theirs; replies to others may be newer."""
        floor = self.attached_floor()
        if floor is None:
            return True
        for index in range(len(self._entries) - 1, self._head - 1, -1):
            entry = self._entries[index]
            if entry.seq <= floor:
                break
            owner = self.cursors.get(entry.owner)
            if not entry.owner or (owner and owner.attached and owner.acked < entry.seq):
                return False
        return True

    def _owed(self, entry: Entry, floor: int) -> bool:
        if entry.owner:
            owner = self.cursors.get(entry.owner)
            return owner is not None and owner.acked < entry.seq
        return entry.seq > floor

    def _sweep(self) -> Hole | None:
        floor = min((cursor.acked for cursor in self.cursors.values()), default=self.last)
        attached_floor = self.attached_floor()
        sparing = self.last if attached_floor is None else attached_floor
        target = self.limit_bytes - self.limit_bytes // 8
        total: Hole | None = None
        kept: list[Entry] = []
        for index in range(self._head, len(self._entries)):
            if self.bytes <= target:
                kept.extend(self._entries[index:])
                break
            entry = self._entries[index]
            if not self._owed(entry, floor):
                self.bytes -= len(entry.frame) + _ENTRY_OVERHEAD
                if not self.cursors:
                    self._lose(entry)
            elif entry.droppable and entry.seq <= sparing:
                self._drop(entry, kept)
                total = total or Hole(entry.seq, entry.seq, 0, 0)
                total.add(entry)
            else:
                kept.append(entry)
        self._entries = kept
        self._head = 0
        return total

    def _drop(self, entry: Entry, kept: list[Entry]) -> None:
        """Put a notice in the place of `entry`, one for a whole row of them."""
        self.bytes -= len(entry.frame) + _ENTRY_OVERHEAD
        if kept and kept[-1].hole:
            notice = kept[-1]
            self.bytes -= len(notice.frame) + _ENTRY_OVERHEAD
        else:
            notice = Entry(entry.seq, entry.owner, b"", False, Hole(entry.seq, entry.seq, 0, 0))
            kept.append(notice)
        notice.hole.add(entry)
        notice.seq = entry.seq
        notice.frame = notice.hole.frame()
        self.bytes += len(notice.frame) + _ENTRY_OVERHEAD

    def _give_up(self, cursor: Cursor, floor: int) -> None:
        hole = cursor.hole or Hole(cursor.acked + 1, cursor.acked, 0, 0)
        for index in range(self._head, len(self._entries)):
            entry = self._entries[index]
            if cursor.acked < entry.seq <= floor and entry.owner in (0, cursor.tag):
                hole.add(entry)
        hole.last = floor
        cursor.hole = hole
        cursor.acked = floor

    def _release(self, index: int) -> None:
        entries = self._entries
        released = entries[self._head : index]
        self.bytes -= sum([len(entry.frame) for entry in released]) + _ENTRY_OVERHEAD * len(released)
        entries[self._head : index] = [None] * len(released)
        self._head = index
        if index > _COMPACT_AFTER and index * 2 > len(entries):
            del entries[:index]
            self._head = 0
