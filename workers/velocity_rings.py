"""The rings behind the fraud windows, and the Lua that reads and advances them in one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from domain.fraud.features import FEATURE_SET_ID, WINDOWS, Aggregate, Entity, Window

Holds: TypeAlias = Literal["payments", "cards", "declined_cards"]
Verb: TypeAlias = Literal["add", "mark", "read", "skip"]

#: A ring outlives its window by this, for payments that are scored late.
LATE_S = 900


@dataclass(frozen=True, slots=True)
class Ring:
    """The bounded history of one entity at one grain; several windows may read the same one."""

    entity: Entity
    holds: Holds
    grain_s: int
    buckets: int

    @property
    def ttl_s(self) -> int:
        return self.grain_s * (self.buckets + 1) + LATE_S

    def key(self, digest: str) -> str:
        return key(f"{self.entity}:{self.holds}:{self.grain_s}x{self.buckets}:{digest}")


def key(rest: str) -> str:
    """Return a key of this feature set; other windows never read its records.

    One hash tag for all: one atomic call over card, IP, customer and payment needs one cluster
    slot, and a call is cheap enough for one node to answer thousands in a second.
    """
    return f"fraud:{{velocity}}:{FEATURE_SET_ID}:{rest}"


def rings_of(window: Window) -> tuple[Ring, ...]:
    """Return the rings that answer a window, one per entity."""
    holds = _holds(window.aggregate)
    return tuple(Ring(entity, holds, window.grain_s, window.buckets) for entity in window.entities)


def _holds(aggregate: Aggregate) -> Holds:
    match aggregate:
        case "count" | "mean" | "max":
            return "payments"
        case "distinct_cards":
            return "cards"
        case "distinct_declined_cards":
            return "declined_cards"
        case unknown:
            assert_never(unknown)


#: Every ring that the windows need, once each, in the order in which the Lua answers.
RINGS = tuple(dict.fromkeys(ring for window in WINDOWS for ring in rings_of(window)))

# A ring is one string with a record per used bucket, `bucket:count:sum:largest;`, or per distinct
# card, `bucket:tag;`. Records older than the ring's newest bucket allows go with the next write,
# so that a ring never holds more records than it has buckets (or MEMBERS): measured, 17 to 26
# bytes for one payment and 1.1 kB for 30 full days of the largest amounts. A fixed array would
# take its full size for the one payment a month that most cards make; a hash, a field per bucket.
# Text instead of packed bytes: plain to read in redis-cli, and as short for small numbers.
#
# KEYS[1]   the answer's key: if it exists, it is the answer, and nothing is counted
# KEYS[2..] one ring each, in the order of the verbs that are not `skip`
# ARGV      time (s), amount (minor units), card's tag, answer's TTL (s), largest exact number,
#           members; then for every ring: verb (add, mark, read, skip), grain (s), buckets, TTL (s)
# Returns   count,sum,largest of every ring, all in one string, `skip` being 0,0,0
OBSERVE = """
local stored = redis.call('GET', KEYS[1])
if stored then return stored end

local AT, AMOUNT, TAG, ANSWER_TTL = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local EXACT, MEMBERS = tonumber(ARGV[5]), tonumber(ARGV[6])

local function add(ring, now, buckets)
  local count, sum, largest, newest = 0, 0, 0, now
  local mine, records = {1, AMOUNT, AMOUNT}, {}
  for record, b, c, s, l in string.gmatch(ring, '((%d+):(%d+):(%d+):(%d+);)') do
    b, c, s, l = tonumber(b), tonumber(c), tonumber(s), tonumber(l)
    if b > now - buckets and b <= now then
      count, sum, largest = count + c, math.min(sum + s, EXACT), math.max(largest, l)
    end
    if b == now then
      mine = {c + 1, s + AMOUNT, math.max(l, AMOUNT)}
    else
      records[#records + 1] = {b, record}
    end
    newest = math.max(newest, b)
  end
  local text = string.format('%.0f:%.0f:%.0f:%.0f;', now, mine[1], mine[2], mine[3])
  records[#records + 1] = {now, text}
  return count, sum, largest, records, newest
end

local function mark(ring, now, buckets)
  local count, last, newest, records = 0, now, now, {}
  for record, b, tag in string.gmatch(ring, '((%d+):(%x+);)') do
    b = tonumber(b)
    if b > now - buckets and b <= now then count = count + 1 end
    if tag == TAG then last = math.max(last, b) else records[#records + 1] = {b, record} end
    newest = math.max(newest, b)
  end
  records[#records + 1] = {last, string.format('%.0f:%s;', last, TAG)}
  if #records > MEMBERS then
    local oldest = 1
    for i = 2, #records do
      if records[i][1] < records[oldest][1] then oldest = i end
    end
    table.remove(records, oldest)
  end
  return count, 0, 0, records, newest
end

local answer, next_key = {}, 2
for i = 7, #ARGV, 4 do
  local verb, grain = ARGV[i], tonumber(ARGV[i + 1])
  local buckets, ttl = tonumber(ARGV[i + 2]), ARGV[i + 3]
  local count, sum, largest = 0, 0, 0
  if verb ~= 'skip' then
    local key = KEYS[next_key]
    next_key = next_key + 1
    local ring, now = redis.call('GET', key) or '', math.floor(AT / grain)
    local records, newest
    if verb == 'add' then
      count, sum, largest, records, newest = add(ring, now, buckets)
    else
      count, sum, largest, records, newest = mark(ring, now, buckets)
    end
    if verb ~= 'read' then
      local kept = {}
      for _, record in ipairs(records) do
        if record[1] > newest - buckets then kept[#kept + 1] = record[2] end
      end
      redis.call('SET', key, table.concat(kept), 'EX', ttl)
    end
  end
  answer[#answer + 1] = string.format('%.0f,%.0f,%.0f', count, sum, largest)
end

local text = table.concat(answer, ',')
redis.call('SET', KEYS[1], text, 'EX', ANSWER_TTL)
return text
"""
