-- Gives a session up. The fence stays, so that it rises at the next claim.
-- KEYS: owner, fence.  ARGV: fence.
if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
