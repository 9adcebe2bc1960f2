-- Prolongs a lease. One that has run out unclaimed is taken up again: the fence says that nobody wrote meanwhile.
-- KEYS: owner, fence.  ARGV: fence, address, lease in milliseconds.  Answers 1, or 0 if the fence is stale.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
local owner = redis.call('HGET', KEYS[1], 'address')
if not owner then
  if ARGV[2] == '' then
    return 0
  end
  redis.call('HSET', KEYS[1], 'address', ARGV[2], 'fence', ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
