"""What happens inside of Redis, in Lua: a script runs whole and alone, and what it wrote reaches
the append-only file as one transaction.

A user's record lies in two hashes by the user's id: `profiles` (JSON that no script reads) and
`installed` (a JSON list, the oldest first). `user_ids`, a sorted set of equal scores, has their
order.
"""

# As `UserRecord.after`: an install joins the list's end, an uninstall leaves it.
_APPLY = """
local function apply(installed, profiles, user_ids, user, kind, app)
  local known = redis.call('HGET', installed, user)
  local apps, place = known and cjson.decode(known) or {}, nil
  for i, other in ipairs(apps) do
    if other == app then place = i end
  end
  if kind == 'install' and not place then
    apps[#apps + 1] = app
  elseif kind == 'uninstall' and place then
    table.remove(apps, place)
  elseif known then
    return
  end
  redis.call('HSET', installed, user, #apps > 0 and cjson.encode(apps) or '[]')
  if not known then
    redis.call('HSETNX', profiles, user, '{}')
    redis.call('ZADD', user_ids, 0, user)
  end
end
"""

APPEND = (
    _APPLY
    + """
-- KEYS: installed, profiles, user_ids, journal, journal_keys, meta
-- ARGV, of each event: its key, its second one or '', user, kind, app, the event as JSON
local kept = {}
for i = 1, #ARGV, 6 do
  local key, second, user, kind, app, event = unpack(ARGV, i, i + 5)
  local is_known = redis.call('SISMEMBER', KEYS[5], key) == 1
    or (second ~= '' and redis.call('SISMEMBER', KEYS[5], second) == 1)
  if not is_known then
    redis.call('SADD', KEYS[5], key)
    if second ~= '' then redis.call('SADD', KEYS[5], second) end
    local sequence = redis.call('HINCRBY', KEYS[6], 'sequence', 1)
    redis.call('XADD', KEYS[4], string.format('%d-0', sequence), 'event', event)
    apply(KEYS[1], KEYS[2], KEYS[3], user, kind, app)
  end
  kept[#kept + 1] = is_known and 0 or 1
end
return kept
"""
)
"""Keeps events that are new; returns 1 for each of them and 0 for the others."""

PLAY = (
    _APPLY
    + """
-- KEYS: installed, profiles, user_ids; ARGV, of each event: user, kind, app
for i = 1, #ARGV, 3 do
  apply(KEYS[1], KEYS[2], KEYS[3], unpack(ARGV, i, i + 2))
end
"""
)
"""Plays events over records that nobody reads yet."""

SWAP = (
    _APPLY
    + """
-- KEYS: loaded installed, profiles, user_ids; the live ones; journal, meta
-- ARGV: the sequence number played last, the snapshot's name
for _, entry in ipairs(redis.call('XRANGE', KEYS[7], string.format('(%d-0', ARGV[1]), '+')) do
  local event = cjson.decode(entry[2][2])
  apply(KEYS[1], KEYS[2], KEYS[3], event.user_id, event.kind, event.app_id)
end
for i = 1, 3 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('PERSIST', KEYS[i])
    redis.call('RENAME', KEYS[i], KEYS[i + 3])
  else
    redis.call('DEL', KEYS[i + 3])
  end
end
redis.call('HSET', KEYS[8], 'snapshot', ARGV[2])
"""
)
"""Plays what was kept meanwhile, and puts loaded records in place of the live ones."""
