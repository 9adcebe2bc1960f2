-- Writes archived facts back under their own numbers and keys. What the stream still holds is left as it is.
-- KEYS: stream, index, fence.  ARGV: fence, then for each fact: seq, key, envelope; ascending.
-- Answers {'ok', how many were written}, {'gap', seq}, {'clash', seq} or, if somebody else has claimed the session since, {'stale', 0}.
if redis.call('GET', KEYS[3]) ~= ARGV[1] then
  return {'stale', 0}
end
local last = 0
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then
  last = tonumber(string.match(newest[1], '^%d+'))
else
  -- An emptied stream remembers its last id and would refuse the old numbers.
  redis.call('DEL', KEYS[1])
end
local written = 0
for at = 2, #ARGV, 3 do
  local seq = tonumber(ARGV[at])
  if seq > last then
    if seq ~= last + 1 then
      return {'gap', seq}
    end
    local known = redis.call('HGET', KEYS[2], 'k:' .. ARGV[at + 1])
    if known and known ~= ARGV[at] then
      return {'clash', seq}
    end
    redis.call('XADD', KEYS[1], ARGV[at] .. '-0', ARGV[at + 1], ARGV[at + 2])
    redis.call('HSET', KEYS[2], 'k:' .. ARGV[at + 1], ARGV[at])
    last = seq
    written = written + 1
  end
end
local head = tonumber(redis.call('HGET', KEYS[2], 'head') or '0')
if last > head then
  redis.call('HSET', KEYS[2], 'head', string.format('%.0f', last))
end
return {'ok', written}
