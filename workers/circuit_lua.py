"""The scripts of the shared circuit: they count and hand out places atomically, and decide nothing.

Each takes its keys and one JSON object of terms. Redis's clock rules in all of them. Field names
come from `ops/breakers.py`. Admission repeats `domain.breaker.refusal` and `RetryBudget.allows`,
because a place must be taken in the instant in which it is seen to be free; a test compares them.
"""

from __future__ import annotations

from typing import Final

from ops import breakers

_PRELUDE: Final = (
    f"""
local EPOCH, OPEN_UNTIL = '{breakers.EPOCH}', '{breakers.OPEN_UNTIL}'
local GOOD, BAD, SENT = '{breakers.GOOD_PROBES}', '{breakers.BAD_PROBES}', '{breakers.SENT_PROBES}'
local CALLS, MARKED = '{breakers.CALLS}', '{breakers.MARKED}'
"""
    + r"""
local terms = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function number(key, field)
  return tonumber(redis.call('HGET', key, field) or 0)
end

-- Let a key live for at least `ms` more; never shorten what somebody else asked for.
local function keep(key, ms)
  redis.call('PEXPIRE', key, math.max(ms, redis.call('PTTL', key)))
end

local function expire_places(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
end

-- Add one call to a window and drop the buckets that have slid out of it.
local function count(key, span, bucket, mark)
  local start = now - now % bucket
  redis.call('HINCRBY', key, CALLS .. ':' .. start, 1)
  if mark then redis.call('HINCRBY', key, MARKED .. ':' .. start, 1) end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local old = tonumber(field:match(':(%d+)$'))
    if old and old <= now - span then redis.call('HDEL', key, field) end
  end
end

local function tally(key, span)
  local sums = {[CALLS] = 0, [MARKED] = 0}
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local kind, start = flat[i]:match('^(%a+):(%d+)$')
    if kind and tonumber(start) > now - span then sums[kind] = sums[kind] + flat[i + 1] end
  end
  return sums[CALLS], sums[MARKED]
end
"""
)

#: KEYS circuit, probes, calls, retries. Returns {'', now, epoch, first probe?} for a permit and
#: {reason, now, wait in ms} for a refusal, where -1 means that nobody can tell; `half_open_full`
#: adds the circuit, because it may be full of evidence whose reader died before deciding.
ENTER: Final = (
    _PRELUDE
    + r"""
local circuit, probes, calls, retries = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
expire_places(probes)
expire_places(calls)

local open_until = number(circuit, OPEN_UNTIL)
local half_open = open_until > 0 and now >= open_until
local taken = redis.call('ZCARD', probes) + number(circuit, GOOD)
local probe = half_open and taken < terms.probes

local function refuse(reason, wait)
  return {reason, now, wait}
end

if terms.new_money then
  local held = terms.override ~= '' and (terms.override_until < 0 or now < terms.override_until)
  if held and terms.override == 'down' then
    return refuse('open', terms.override_until < 0 and -1 or terms.override_until - now)
  end
  if not held then
    if now < open_until then return refuse('open', open_until - now) end
    if half_open and not probe then
      return {'half_open_full', now, -1, redis.call('HGETALL', circuit)}
    end
  end
  if redis.call('ZCARD', calls) >= terms.max_in_flight then return refuse('bulkhead_full', -1) end
  if terms.retry then
    local total, tried = tally(retries, terms.budget_ms)
    if tried >= math.max(terms.budget_floor, terms.budget_share * total) then
      return refuse('budget', -1)
    end
  end
end

redis.call('ZADD', calls, now + terms.hold_ms, terms.id)
keep(calls, terms.hold_ms)
count(retries, terms.budget_ms, terms.budget_bucket_ms, terms.new_money and terms.retry)
keep(retries, terms.budget_ms)
local first = false
if probe then
  redis.call('ZADD', probes, now + terms.hold_ms, terms.id)
  keep(probes, terms.hold_ms)
  first = redis.call('HINCRBY', circuit, SENT, 1) == 1
  keep(circuit, terms.keep_ms)
end
return {'', now, number(circuit, EPOCH), first and 1 or 0}
"""
)

#: KEYS circuit, probes, calls. Counts once, if the permit is still good and of this epoch, and
#: returns {now, circuit} for Python to decide on. {} for a call that says nothing: a breaker must
#: not change on it, even if meanwhile good calls slid out of the window.
LEAVE: Final = (
    _PRELUDE
    + r"""
local circuit, probes, calls = KEYS[1], KEYS[2], KEYS[3]
expire_places(probes)
expire_places(calls)

local ours = redis.call('ZREM', calls, terms.id) == 1
local probe = redis.call('ZREM', probes, terms.id) == 1
local bad = terms.verdict == 'bad'
if not ours or terms.verdict == 'ignored' or number(circuit, EPOCH) ~= terms.epoch then return {} end
if number(circuit, OPEN_UNTIL) == 0 then
  count(circuit, terms.window_ms, terms.bucket_ms, bad)
elseif probe then
  redis.call('HINCRBY', circuit, bad and BAD or GOOD, 1)
end
keep(circuit, terms.keep_ms)
return {now, redis.call('HGETALL', circuit)}
"""
)

#: KEYS circuit, probes. Makes the change that was decided if nobody was faster; returns 1 if so.
#: The epoch is a point in time, so that none comes back after a FLUSHALL.
SHIFT: Final = (
    _PRELUDE
    + r"""
local circuit, probes = KEYS[1], KEYS[2]
local epoch = terms.epoch
if number(circuit, EPOCH) ~= epoch then return 0 end
if terms.to == 'closed' then redis.call('DEL', circuit) end
redis.call('DEL', probes)
redis.call('HDEL', circuit, GOOD, BAD, SENT)
epoch = math.max(time[1] * 1000000 + time[2], epoch + 1)
redis.call('HSET', circuit, EPOCH, string.format('%.0f', epoch))
if terms.to == 'open' then redis.call('HSET', circuit, OPEN_UNTIL, now + terms.open_ms) end
keep(circuit, terms.keep_ms)
return 1
"""
)
