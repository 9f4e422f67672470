//! The steps that Redis does at once, in its own language. Times are those of Redis.

/// Announces a node if its name is free or its own. Keys: the node. Arguments: process, heartbeat,
/// milliseconds until it expires. Returns nothing, or the heartbeat of the process that has the name.
pub(super) const CLAIM: &str = "\
local found = redis.call('GET', KEYS[1])
if found and cjson.decode(found).id ~= ARGV[1] then return found end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false";

/// Renews a node's entry and reads what all share. Keys: the node, the names, the kill switch, the
/// spending of the day. Arguments: process, heartbeat, milliseconds, name, what the keys of nodes
/// begin with, the kill switch to set (or nothing). Returns whether the name is this process's, the
/// heartbeats, the kill switch, the day's total.
pub(super) const BEAT: &str = "\
local found = redis.call('GET', KEYS[1])
local own = not found or cjson.decode(found).id == ARGV[1]
if own then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  redis.call('SADD', KEYS[2], ARGV[4])
end
local beats = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local beat = redis.call('GET', ARGV[5] .. name)
  if beat then beats[#beats + 1] = beat else redis.call('SREM', KEYS[2], name) end
end
if ARGV[6] ~= '' then redis.call('SET', KEYS[3], ARGV[6]) end
local killed = redis.call('GET', KEYS[3]) or ''
local total = tonumber(redis.call('HGET', KEYS[4], '*') or '0')
return {own and 1 or 0, beats, killed, total}";

/// Removes a node's own entry. Keys: the node. Arguments: process.
pub(super) const LEAVE: &str = "\
local found = redis.call('GET', KEYS[1])
if found and cjson.decode(found).id == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1";

/// Adds costs to totals, each batch once. Keys: the spending of the day. Arguments: process, number
/// of the batch, then field, floor and addition of each total. Returns the totals.
pub(super) const PAY: &str = "\
local mark = 's:' .. ARGV[1]
local fresh = tonumber(ARGV[2]) > tonumber(redis.call('HGET', KEYS[1], mark) or '0')
if fresh then redis.call('HSET', KEYS[1], mark, ARGV[2]) end
local totals = {}
for i = 3, #ARGV, 3 do
  local total = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0')
  if total < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    total = tonumber(ARGV[i + 1])
  end
  if fresh then total = redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 2]) end
  totals[#totals + 1] = total
end
redis.call('EXPIRE', KEYS[1], 259200)
return totals";

/// Takes a place and a turn for a call that a node places. Keys: live ones, those of a minute.
/// Arguments: call, most at once, most a minute, milliseconds until the place expires. Returns 0, or
/// 1 for too many at once, 2 for too many a minute.
pub(super) const PLACE: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60000)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 1 end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then return 2 end
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], 600000)
redis.call('PEXPIRE', KEYS[2], 60000)
return 0";

/// Takes a place for a call; a call that has one keeps it. Keys: the places. Arguments: call, most,
/// milliseconds until the place expires. Returns whether it is granted.
pub(super) const HOLD: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], 600000)
return 1";

/// Renews places. Keys: the live ones. Arguments: milliseconds, then the calls.
pub(super) const RENEW: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], 600000)
return 1";

/// Counts an attempt within a window. Keys: the attempts. Arguments: its id, most, milliseconds of
/// the window. Returns whether it is granted.
pub(super) const COUNT: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1";
