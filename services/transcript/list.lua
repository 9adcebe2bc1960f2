-- Writes down until when sessions are cared for, by the store's own clock.
-- KEYS: the list.  ARGV: lease in milliseconds, sessions.
local now = redis.call('TIME')
local till = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000) + tonumber(ARGV[1])
for at = 2, #ARGV do
  redis.call('ZADD', KEYS[1], till, ARGV[at])
end
return #ARGV - 1
