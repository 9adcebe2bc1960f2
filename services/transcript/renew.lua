-- Prolongs a lease. One that has run out unclaimed is taken up again: the fence says that nobody wrote meanwhile.
-- KEYS: owner, fence, index.  ARGV: fence, address, lease in milliseconds, floor.
-- Answers 1, 0 if the fence is stale, or -1 if the store has lost facts, or the claim itself.
local fence = redis.call('GET', KEYS[2])
if fence ~= ARGV[1] and tonumber(fence or '0') > tonumber(ARGV[1]) then
  return 0
end
if fence ~= ARGV[1] or tonumber(redis.call('HGET', KEYS[3], 'head') or '0') < tonumber(ARGV[4]) then
  return -1
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
