-- Appends facts to one session, atomically: dense numbers, each idempotency key once, only under the owner's fence.
-- KEYS: stream, index, fence.  ARGV: fence, floor, then for each draft: key, envelope before its seq, envelope behind it.
-- Answers {'ok', {seq, envelope that was there already or false}, ...}, {'stale'} or {'lost', head}: facts, or the claim itself.
local head = tonumber(redis.call('HGET', KEYS[2], 'head') or '0')
local fence = redis.call('GET', KEYS[3])
if fence ~= ARGV[1] and tonumber(fence or '0') > tonumber(ARGV[1]) then
  return {'stale'}
end
-- Fences only rise and facts are only added: a store that knows less has lost its last moments.
if fence ~= ARGV[1] or head < tonumber(ARGV[2]) then
  return {'lost', head}
end
local answer = {'ok'}
for at = 3, #ARGV, 3 do
  local field = 'k:' .. ARGV[at]
  local known = redis.call('HGET', KEYS[2], field)
  if known then
    local entry = redis.call('XRANGE', KEYS[1], known .. '-0', known .. '-0')[1]
    answer[#answer + 1] = {tonumber(known), entry and entry[2][2] or false}
  else
    head = head + 1
    local seq = string.format('%.0f', head)
    redis.call('XADD', KEYS[1], seq .. '-0', ARGV[at], ARGV[at + 1] .. seq .. ARGV[at + 2])
    redis.call('HSET', KEYS[2], field, seq, 'head', seq)
    answer[#answer + 1] = {head, false}
  end
end
return answer
