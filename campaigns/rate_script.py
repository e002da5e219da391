"""The arithmetic of `mailer/buckets.py` once more, in Lua, so that Redis does it for a whole batch at once.

KEYS: the index of known keys. ARGV: take or report; the caller's time, or "" for the server's; a line a key
with tabs between: name, limit, full rate, and what is asked of it. One string in, a line back for each key
that is limited or in trouble: of the hundreds of ordinary domains of a batch nothing is kept and nothing
said. The hashes lie in the slot of the index. Any change belongs into both; a test compares them.
"""

from __future__ import annotations

from mailer import buckets

_SCRIPT = """
local function num(n) return string.format('%.17g', n) end
local op, now = ARGV[1], tonumber(ARGV[2])
if not now then local t = redis.call('TIME'); now = tonumber(t[1]) + tonumber(t[2]) / 1e6 end
local NUMBERS = {'tokens', 'at_s', 'slowed', 'rests', 'breaks', 'rest_until', 'probe_until', 'booked_until',
  'grown_at'}

local function load(key, full_bucket)
  local values = redis.call('HMGET', key, unpack(NUMBERS))
  if not values[1] then
    return {tokens = full_bucket, at_s = now, rests = 0, breaks = 0, rest_until = 0, probe_until = 0,
      booked_until = 0, grown_at = 0}, false
  end
  local b = {}
  for i, name in ipairs(NUMBERS) do b[name] = tonumber(values[i]) end
  return b, true
end

local function save(key, b, more)
  local fields = {'tokens', num(b.tokens), 'at_s', num(b.at_s), 'slowed', b.slowed and num(b.slowed) or '',
    'rests', num(b.rests), 'breaks', num(b.breaks), 'rest_until', num(b.rest_until), 'probe_until',
    num(b.probe_until), 'booked_until', num(b.booked_until), 'grown_at', num(b.grown_at)}
  for _, v in ipairs(more) do fields[#fields + 1] = v end
  redis.call('HSET', key, unpack(fields))
  local keep = 2 * BURST_S
  if b.slowed or b.rests > 0 or b.breaks > 0 then keep = FORGET_S end
  keep = keep + math.max(0, b.rest_until - now, b.probe_until - now, b.booked_until - now)
  redis.call('PEXPIRE', key, math.ceil(keep * 1000))
  redis.call('ZADD', KEYS[1], now + keep, key)
end

local function state(b)
  if b.rest_until == 0 then return 'closed' end
  return now < b.rest_until and 'open' or 'half_open'
end

local function capacity(rate) return math.max(1, rate * BURST_S) end

local function rate_of(b, limit, full)
  if b.slowed then return math.min(b.slowed, full) end
  return limit
end

local function take(key, n, limit, full)
  local b, known = load(key, capacity(limit))
  local rate, st, granted, first = rate_of(b, limit, full), state(b), 0, 0
  local interval = 1 / (rate > 0 and rate or full)
  if st ~= 'closed' then
    if st == 'half_open' and now >= b.probe_until and n > 0 then
      granted, b.probe_until = 1, now + PROBE_S
    end
    first = st == 'open' and b.rest_until or now + PROBE_AGAIN_S
  elseif rate == 0 then
    return {num(n), num(now), '0', st, b.breaks == 0 and '1' or '0', '', '', '0', '0'}
  else
    b.tokens = math.min(capacity(rate), b.tokens + math.max(0, now - b.at_s) * rate)
    granted = math.min(n, math.floor(b.tokens + 1e-9))
    b.tokens = b.tokens - granted
    b.at_s = now
    first = now + math.max(0, 1 - b.tokens) / rate
  end
  local short = n - granted
  local next_at = math.max(first, math.min(b.booked_until, first + BOOKED_MAX_S))
  if short > 0 then b.booked_until = next_at + short * interval end
  save(key, b, {'limit', num(limit)})
  return {num(granted), num(next_at), num(interval), st, '0', num(b.tokens), b.slowed and num(b.slowed) or '',
    num(b.rests), num(b.rest_until)}
end

local function report(key, limit, full, r)
  local b, known = load(key, capacity(limit))
  local st, trouble = state(b), r.throttled + r.stopped > 0
  if not known and limit == 0 and not trouble and r.broken == 0 then return end
  local more = {'limit', num(limit)}
  if r.unused > 0 and rate_of(b, limit, full) > 0 then
    b.tokens = math.min(capacity(rate_of(b, limit, full)), b.tokens + r.unused)
  end
  b.breaks = r.answered > 0 and r.broken or b.breaks + r.broken
  if trouble or b.breaks >= BREAKS_MAX then
    local said = math.min(r.wait_s, REST_SAID_MAX_S)
    more = {'limit', num(limit), 'reason', r.reason, 'code', r.code, 'text', r.text}
    if st == 'open' then
      b.rest_until = math.max(b.rest_until, now + said)
    else
      b.rests = r.answered > 0 and 1 or b.rests + 1
      local rest = math.max(said, math.min(REST_MAX_S, REST_FIRST_S * 2 ^ (math.min(b.rests, 20) - 1)))
      if r.throttled > 0 then
        local rate = rate_of(b, limit, full)
        b.slowed = math.max(SLOWEST_PER_S, (rate > 0 and rate or full) / 2)
      end
      b.rest_until, b.probe_until, b.booked_until, b.tokens = now + rest, 0, 0, 0
      b.at_s, b.grown_at = now, now + rest
    end
  elseif st == 'open' then
    -- answers to mails that left before the rest began
  elseif r.answered > 0 then
    b.rests, b.rest_until, b.probe_until = 0, 0, 0
    if b.slowed then
      b.slowed = b.slowed + full * math.min(60, math.max(0, now - b.grown_at)) / RECOVERY_S
      b.grown_at = now
      if b.slowed >= full then
        b.slowed = nil
        more = {'limit', num(limit), 'reason', '', 'code', '0', 'text', ''}
      end
    end
  else
    b.probe_until = r.broken > 0 and now + PROBE_AGAIN_S or 0
  end
  save(key, b, more)
end

local function words(line)
  local found = {}
  for word in string.gmatch(line .. '\\t', '([^\\t]*)\\t') do found[#found + 1] = word end
  return found
end

local out = {num(now)}
for line in string.gmatch(ARGV[3], '[^\\n]+') do
  local w = words(line)
  local key, limit, full = PREFIX .. w[1], tonumber(w[2]), tonumber(w[3])
  if op == 'take' then
    if limit > 0 or redis.call('EXISTS', key) == 1 then
      out[#out + 1] = w[1] .. '\\t' .. table.concat(take(key, tonumber(w[4]), limit, full), '\\t')
    end
  else
    report(key, limit, full, {answered = tonumber(w[4]), throttled = tonumber(w[5]), stopped = tonumber(w[6]),
      broken = tonumber(w[7]), unused = tonumber(w[8]), wait_s = tonumber(w[9]), reason = w[10], code = w[11],
      text = w[12]})
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. num(now))
return out
"""
_NUMBERS = (
    "BURST_S", "FORGET_S", "PROBE_S", "PROBE_AGAIN_S", "BOOKED_MAX_S", "BREAKS_MAX", "REST_SAID_MAX_S",
    "REST_MAX_S", "REST_FIRST_S", "SLOWEST_PER_S", "RECOVERY_S",
)  # fmt: skip
# The numbers are those of the arithmetic it repeats.
PREFIX = "ikusei:{rates}:"  # one hash slot, so that the script also runs on a cluster
SCRIPT = (
    f"local PREFIX = {PREFIX!r}\n"
    + "".join(f"local {name} = {getattr(buckets, name)!r}\n" for name in _NUMBERS)
    + _SCRIPT
)
