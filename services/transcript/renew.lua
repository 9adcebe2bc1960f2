-- Prolongs a lease. One that has run out unclaimed is taken up again: the fence says that nobody wrote meanwhile.
-- KEYS: owner, fence, index.  ARGV: fence, address, lease in milliseconds, floor.
-- Answers 1, 0 if the fence is stale, or -1 if the store has lost facts, or the claim itself.
local fence = redis.call('GET', KEYS[2])
if fence ~= ARGV[1] then
  return tonumber(fence or '0') > tonumber(ARGV[1]) and 0 or -1
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'address', ARGV[2], 'fence', ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
-- Behind the lease: giving back what is lost may take longer than one lasts.
if tonumber(redis.call('HGET', KEYS[3], 'head') or '0') < tonumber(ARGV[4]) then
  return -1
end
return 1
