-- Makes an address the owner of a session for the time of a lease and raises the fence.
-- KEYS: owner, fence, stream, index.  ARGV: address, lease in milliseconds, an address found dead or ''.
-- Answers {1, fence}, or {0, address} while the lease of another one is alive.
local owner = redis.call('HGET', KEYS[1], 'address')
if owner and owner ~= ARGV[1] and owner ~= ARGV[3] then
  return {0, owner}
end
-- The time keeps a fence from coming back should the store ever lose the last one; within one store it simply rises.
local now = redis.call('TIME')
local fence = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, tonumber(now[1]) * 1000000 + tonumber(now[2]))
local text = string.format('%.0f', fence)
redis.call('SET', KEYS[2], text)
redis.call('HSET', KEYS[1], 'address', ARGV[1], 'fence', text)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
-- What was to be forgotten is needed again.
redis.call('PERSIST', KEYS[3])
redis.call('PERSIST', KEYS[4])
return {1, fence}
