-- One step over the state of gcra.py, by the clock of this server: settlements, a pause, and reservations.
--
-- KEYS[1] holds "GENERATION COUNT REQUESTS TOKENS PAUSED": three times of gcra.py, counted steps, and a name that
-- changes when the state was lost. ARGV[1] is the state as the caller saw it last, ARGV[2] the number of settlements;
-- the others are in the order below, then come the settlements, then a debt and a slack for each reservation.
-- Returns the time, the new state, and the start of each reservation that was made.
local fresh, horizon, pause, interval, slack, idle, longest_debt, latest_requests, latest_tokens, latest_pause =
  unpack(ARGV, 3, 12)
local FIRST = 13

local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000

-- A later time is not valid: the clock was set back, or something else wrote it.
local function read(text)
  local generation, count, requests, tokens, paused =
    string.match(text or '', '^(%S+) (%d+) (%S+) (%S+) (%S+)$')
  count, requests, tokens, paused = tonumber(count), tonumber(requests), tonumber(tokens), tonumber(paused)
  if not (count and requests and tokens and paused) then return nil end
  if not (requests <= now + latest_requests and tokens <= now + latest_tokens and paused <= now + latest_pause) then
    return nil
  end
  return {generation = generation, count = count, requests = requests, tokens = tokens, paused = paused}
end

local stored, known = read(redis.call('GET', KEYS[1])), read(ARGV[1])
local state = stored or {count = 0, requests = 0, tokens = 0, paused = 0}
-- The data of a server that was restarted may be none, or old ones.
if not stored or (known and known.generation == stored.generation and known.count > stored.count) then
  state.generation = string.format('%.6f', now)
  state.requests = math.max(state.requests, now + fresh)
  state.tokens = math.max(state.tokens, now + fresh)
end
if known and known.generation ~= state.generation then
  state.requests = math.max(state.requests, known.requests)
  state.tokens = math.max(state.tokens, known.tokens)
  state.paused = math.max(state.paused, known.paused)
end

local after_settlements = FIRST + ARGV[2]
for place = FIRST, after_settlements - 1 do
  local longest = math.max(state.tokens, now + longest_debt)
  state.tokens = math.min(state.tokens + ARGV[place], longest)
end
if pause + 0 > 0 then state.paused = math.max(state.paused, now + pause) end

local starts = {}
for place = after_settlements, #ARGV, 2 do
  local start = math.max(now, state.paused, state.requests - slack, state.tokens - ARGV[place + 1])
  if #starts > 0 and start > now + horizon then break end
  state.requests = math.max(state.requests, start) + interval
  state.tokens = math.max(state.tokens, start) + ARGV[place]
  starts[#starts + 1] = string.format('%.17g', start)
end

state.requests = math.max(0, math.min(state.requests, now + latest_requests))
state.tokens = math.max(0, math.min(state.tokens, now + latest_tokens))
state.paused = math.max(0, math.min(state.paused, now + latest_pause))
local value = string.format(
  '%s %d %.17g %.17g %.17g', state.generation, state.count + 1, state.requests, state.tokens, state.paused
)
local left = math.max(0, math.max(state.requests, state.tokens, state.paused) - now)
redis.call('SET', KEYS[1], value, 'PX', string.format('%d', math.ceil((left + idle) * 1000)))
return {string.format('%.17g', now), value, unpack(starts)}
