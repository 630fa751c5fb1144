-- hanpipe.lua: what han-frame --pcap writes, named field by field in Wireshark and tshark.
--
-- A packet is one record of han-frame: the letter of its kind, then its octets.
--
--   H  HDLC frame without flags          IEC 62056-46
--   M  wired M-Bus frame                 EN 13757-2
--   P  P1 telegram                       IEC 62056-21 mode D
--   A  APDU                              IEC 62056-5-3
--   a  APDU joined from several frames, or deciphered: it was not on the line like this
--   p  telegram that was deciphered
--   n h c t  octets given up: noise, damaged header, failed check, truncated
--
-- A field that does not fit in the octets that are there ends the dissection with an expert info, never with an error.

local hanpipe = Proto("hanpipe", "HAN port of an electricity meter")

local KINDS = {
  H = "HDLC frame", M = "M-Bus frame", P = "P1 telegram", A = "APDU", a = "APDU, put together", p = "P1 telegram, deciphered",
  n = "noise", h = "damaged header", c = "failed check", t = "truncated frame",
}
local APDUS = {
  [0x0f] = "data-notification", [0x18] = "information-report", [0xc2] = "event-notification",
  [0xdb] = "general-glo-ciphering", [0xdc] = "general-ded-ciphering", [0xdd] = "general-ciphering",
  [0xdf] = "general-signing", [0xe0] = "general-block-transfer",
}
local CONTROLS = {
  [0x03] = "UI", [0x83] = "SNRM", [0x63] = "UA", [0x43] = "DISC", [0x0f] = "DM", [0x87] = "FRMR",
}
local MBUS_CONTROLS = { [0x08] = "RSP_UD", [0x53] = "SND_UD", [0x73] = "SND_UD" }
-- Octets of the header before the data of frames with these CI; EN 13757-3.
local VARIABLE_HEADERS = { [0x72] = 12, [0x7a] = 4, [0x7c] = 12 }
local UNITS = {
  [27] = "W", [28] = "VA", [29] = "var", [30] = "Wh", [31] = "VAh", [32] = "varh", [33] = "A", [35] = "V", [44] = "Hz",
  [13] = "m3", [25] = "J", [56] = "%", [7] = "s", [6] = "min", [5] = "h", [255] = "no unit",
}
local DEEPEST = 32 -- levels of values inside values
local MOST = 5000 -- values that are named in a packet

-- Fields ------------------------------------------------------------------------------------------------------------

local fields = {}

local function field(name, make, label, ...)
  local abbr = "hanpipe." .. name
  fields[name] = make(abbr, label, ...)
  return fields[name]
end

field("kind", ProtoField.string, "Kind")
field("fault", ProtoField.string, "Fault")
field("octets", ProtoField.bytes, "Octets given up")
field("rest", ProtoField.bytes, "After it")
field("length", ProtoField.uint16, "Length")

field("hdlc", ProtoField.bytes, "HDLC frame")
field("hdlc.format", ProtoField.uint16, "Frame format", base.HEX)
field("hdlc.segmented", ProtoField.bool, "Segmented")
field("hdlc.length", ProtoField.uint16, "Length")
field("hdlc.destination", ProtoField.bytes, "Destination")
field("hdlc.source", ProtoField.bytes, "Source")
field("hdlc.control", ProtoField.uint8, "Control", base.HEX)
field("hdlc.hcs", ProtoField.uint16, "HCS", base.HEX)
field("hdlc.hcs.status", ProtoField.string, "HCS status")
field("hdlc.llc", ProtoField.bytes, "LLC")
field("hdlc.information", ProtoField.bytes, "Information")
field("hdlc.fcs", ProtoField.uint16, "FCS", base.HEX)
field("hdlc.fcs.status", ProtoField.string, "FCS status")

field("mbus", ProtoField.bytes, "M-Bus frame")
field("mbus.start", ProtoField.uint8, "Start", base.HEX)
field("mbus.length", ProtoField.uint8, "Length")
field("mbus.control", ProtoField.uint8, "Control", base.HEX)
field("mbus.address", ProtoField.bytes, "Address")
field("mbus.ci", ProtoField.uint8, "CI", base.HEX)
field("mbus.header", ProtoField.bytes, "Variable header")
field("mbus.source", ProtoField.bytes, "STSAP")
field("mbus.destination", ProtoField.bytes, "DTSAP")
field("mbus.information", ProtoField.bytes, "Information")
field("mbus.checksum", ProtoField.uint8, "Checksum", base.HEX)
field("mbus.checksum.status", ProtoField.string, "Checksum status")
field("mbus.stop", ProtoField.uint8, "Stop", base.HEX)

field("p1.identification", ProtoField.string, "Identification")
field("p1.object", ProtoField.string, "Object")
field("p1.code", ProtoField.string, "Code")
field("p1.value", ProtoField.string, "Value")
field("p1.line", ProtoField.string, "Line")
field("p1.crc", ProtoField.string, "CRC")
field("p1.crc.status", ProtoField.string, "CRC status")

field("apdu", ProtoField.string, "APDU")
field("apdu.octets", ProtoField.bytes, "APDU")
field("apdu.invoke_id", ProtoField.uint32, "Long-invoke-id-and-priority")
field("apdu.date_time", ProtoField.bytes, "Date-time")
field("apdu.short_name", ProtoField.uint16, "Variable name", base.HEX)
field("apdu.system_title", ProtoField.bytes, "System title")
field("apdu.security_control", ProtoField.uint8, "Security control", base.HEX)
field("apdu.invocation_counter", ProtoField.uint32, "Invocation counter")
field("apdu.ciphertext", ProtoField.bytes, "Ciphered text")
field("apdu.tag", ProtoField.bytes, "Authentication tag")
field("apdu.block_control", ProtoField.uint8, "Block control", base.HEX)
field("apdu.block_number", ProtoField.uint16, "Block number")
field("apdu.block_ack", ProtoField.uint16, "Block number acknowledged")
field("apdu.block", ProtoField.bytes, "Block data")
field("apdu.class_id", ProtoField.uint16, "Class id")
field("apdu.logical_name", ProtoField.bytes, "Logical name")
field("apdu.attribute_id", ProtoField.int8, "Attribute id")
field("obis", ProtoField.string, "OBIS code")

-- Common data types, IEC 62056-6-2: tag -> name, octets, how the field is made. A size of nil: the length comes first.
local TYPES = {
  [0] = { "null-data", 0, ProtoField.none },
  [3] = { "boolean", 1, ProtoField.uint8 },
  [4] = { "bit-string", nil, ProtoField.string },
  [5] = { "double-long", 4, ProtoField.int32 },
  [6] = { "double-long-unsigned", 4, ProtoField.uint32 },
  [9] = { "octet-string", nil, ProtoField.bytes },
  [10] = { "visible-string", nil, ProtoField.bytes },
  [12] = { "utf8-string", nil, ProtoField.bytes },
  [13] = { "bcd", 1, ProtoField.uint8 },
  [15] = { "integer", 1, ProtoField.int8 },
  [16] = { "long", 2, ProtoField.int16 },
  [17] = { "unsigned", 1, ProtoField.uint8 },
  [18] = { "long-unsigned", 2, ProtoField.uint16 },
  [20] = { "long64", 8, ProtoField.int64 },
  [21] = { "long64-unsigned", 8, ProtoField.uint64 },
  [22] = { "enum", 1, ProtoField.uint8 },
  [23] = { "float32", 4, ProtoField.float },
  [24] = { "float64", 8, ProtoField.double },
  [25] = { "date-time", 12, ProtoField.bytes },
  [26] = { "date", 5, ProtoField.bytes },
  [27] = { "time", 4, ProtoField.bytes },
  [28] = { "delta-integer", 1, ProtoField.int8 },
  [29] = { "delta-long", 2, ProtoField.int16 },
  [30] = { "delta-double-long", 4, ProtoField.int32 },
  [31] = { "delta-unsigned", 1, ProtoField.uint8 },
  [32] = { "delta-long-unsigned", 2, ProtoField.uint16 },
  [33] = { "delta-double-long-unsigned", 4, ProtoField.uint32 },
  [255] = { "do-not-care", 0, ProtoField.none },
}
local SEQUENCES = { [1] = "array", [2] = "structure" }
local COMPACT_ARRAY = 19

local function data_field(name)
  return fields["data." .. name:gsub("-", "_")]
end

for _, kind in pairs(TYPES) do
  field("data." .. kind[1]:gsub("-", "_"), kind[3], kind[1])
end
for _, name in ipairs({ "array", "structure", "compact-array" }) do
  field("data." .. name:gsub("-", "_"), ProtoField.none, name)
end

do
  local all = {}
  for _, one in pairs(fields) do
    all[#all + 1] = one
  end
  hanpipe.fields = all
end

local expert = {
  fault = ProtoExpert.new("hanpipe.expert.fault", "Octets that are not part of a good frame", expert.group.MALFORMED, expert.severity.ERROR),
  check = ProtoExpert.new("hanpipe.expert.check", "Wrong check", expert.group.CHECKSUM, expert.severity.ERROR),
  malformed = ProtoExpert.new("hanpipe.expert.malformed", "Cannot be read", expert.group.MALFORMED, expert.severity.ERROR),
  key = ProtoExpert.new("hanpipe.expert.key", "Ciphered", expert.group.DECRYPTION, expert.severity.NOTE),
}
hanpipe.experts = { expert.fault, expert.check, expert.malformed, expert.key }

-- Checks ------------------------------------------------------------------------------------------------------------

local function bxor(a, b) -- without a library of bits: its name differs between versions of Lua
  local result, bit = 0, 1
  while a > 0 or b > 0 do
    if a % 2 ~= b % 2 then
      result = result + bit
    end
    a, b, bit = math.floor(a / 2), math.floor(b / 2), bit * 2
  end
  return result
end

local function crc_table(polynomial)
  local entries = {}
  for octet = 0, 255 do
    local value = octet
    for _ = 1, 8 do
      value = value % 2 == 1 and bxor(math.floor(value / 2), polynomial) or math.floor(value / 2)
    end
    entries[octet] = value
  end
  return entries
end

local X25, ARC = crc_table(0x8408), crc_table(0xa001)
local XOR = {} -- of two octets, as they are needed

local function xor_octet(a, b)
  local key = a * 256 + b
  local found = XOR[key]
  if not found then
    found = bxor(a, b)
    XOR[key] = found
  end
  return found
end

local function crc(entries, value, octets)
  for at = 1, #octets do
    local entry = entries[xor_octet(value % 256, octets:byte(at))]
    value = xor_octet(math.floor(value / 256), entry % 256) + 256 * math.floor(entry / 256)
  end
  return value
end

local function x25(octets)
  return 0xffff - crc(X25, 0xffff, octets)
end

local function arc(octets)
  return crc(ARC, 0, octets)
end

-- A cursor over octets: each take says where the octets are, and ends the dissection where they are not. --------------

local Cursor = {}
Cursor.__index = Cursor

local function cursor(range)
  return setmetatable({ range = range, at = 0, size = range:len(), left = MOST }, Cursor)
end

function Cursor:need(size, what)
  if self.at + size > self.size then
    error({ why = what .. ": " .. size .. " octets expected, " .. (self.size - self.at) .. " there" }, 0)
  end
end

function Cursor:take(size, what)
  self:need(size, what)
  local range = self.range(self.at, size)
  self.at = self.at + size
  return range
end

function Cursor:peek(offset)
  local at = self.at + (offset or 0)
  return at < self.size and self.range(at, 1):uint() or nil
end

-- A length or count in BER: one octet below 128, else 80 plus the number of octets that hold it.
function Cursor:length(what)
  local first = self:take(1, what):uint()
  if first < 0x80 then
    return first
  end
  local count = first - 0x80
  if count == 0 or count > 4 then
    error({ why = what .. ": a length of " .. count .. " octets" }, 0)
  end
  return self:take(count, what):uint()
end

function Cursor:rest()
  return self.at < self.size and self.range(self.at, self.size - self.at) or nil
end

-- Values ------------------------------------------------------------------------------------------------------------

local function obis(range)
  local o = range:bytes()
  local code = string.format("%d-%d:%d.%d.%d", o:get_index(0), o:get_index(1), o:get_index(2), o:get_index(3), o:get_index(4))
  return o:get_index(5) == 255 and code or code .. "*" .. o:get_index(5)
end

local function escaped(text) -- as han-frame --hex shows what is not printable
  return (text:gsub("[^ -~]", function(octet)
    return string.format("\\x%02x", octet:byte())
  end))
end

local function printable(range)
  return (range:raw():gsub("[^ -~]", "."))
end

local function clock(range)
  local o = range:bytes()
  local year = o:get_index(0) * 256 + o:get_index(1)
  return string.format("%04d-%02d-%02d %02d:%02d:%02d", year, o:get_index(2), o:get_index(3), o:get_index(5), o:get_index(6), o:get_index(7))
end

local function bits(range, count)
  local text = {}
  for at = 0, count - 1 do
    local octet = range(math.floor(at / 8), 1):uint()
    text[#text + 1] = math.floor(octet / 2 ^ (7 - at % 8)) % 2 == 1 and "1" or "0"
  end
  return table.concat(text)
end

-- A value without elements whose content begins at the cursor. begin: offset of its tag, or of its content.
local function simple(c, tree, tag, begin)
  local kind = TYPES[tag]
  if not kind then
    error({ why = string.format("unknown data type %02x", tag) }, 0)
  end
  local name, size = kind[1], kind[2]
  local made = data_field(name)
  if tag == 4 then
    local count = c:length(name)
    local range = c:take(math.floor((count + 7) / 8), name)
    tree:add(made, c.range(begin, c.at - begin), count > 0 and bits(range, count) or "")
    return
  end
  size = size or c:length(name)
  if size == 0 then
    tree:add(made, c.range(begin, kind[2] == 0 and math.min(1, c.at - begin) or 0))
    return
  end
  local range = c:take(size, name)
  local item = tree:add(made, range)
  if tag == 9 and size == 6 then
    item:append_text(" (" .. obis(range) .. ")")
    item:add(fields["obis"], range, obis(range)):set_generated()
  elseif (tag == 9 or tag == 25) and size == 12 and range(0, 1):uint() < 0x20 then
    item:append_text(" (" .. clock(range) .. ")")
  elseif tag == 9 or tag == 10 or tag == 12 then
    item:append_text(" (" .. printable(range) .. ")")
  elseif tag == 22 and UNITS[range:uint()] then
    item:append_text(" (" .. UNITS[range:uint()] .. ")")
  end
end

local function description(c, depth)
  if depth > DEEPEST then
    error({ why = "nested deeper than " .. DEEPEST .. " levels" }, 0)
  end
  local tag = c:take(1, "type description"):uint()
  if tag == 1 then
    local count = c:take(2, "type description"):uint()
    return { tag = 1, count = count, inner = description(c, depth + 1) }
  elseif tag == 2 then
    local members = {}
    for _ = 1, c:length("type description") do
      members[#members + 1] = description(c, depth + 1)
    end
    return { tag = 2, members = members }
  elseif not TYPES[tag] then
    error({ why = string.format("type %02x in a compact-array", tag) }, 0)
  end
  return { tag = tag }
end

local function count_one(c)
  c.left = c.left - 1
  if c.left < 0 then
    error({ why = "more than " .. MOST .. " values" }, 0)
  end
end

local function untagged(c, tree, kind, depth)
  count_one(c)
  if not SEQUENCES[kind.tag] then
    simple(c, tree, kind.tag, c.at)
    return
  end
  if depth > DEEPEST then
    error({ why = "nested deeper than " .. DEEPEST .. " levels" }, 0)
  end
  local name = SEQUENCES[kind.tag]
  local inner = tree:add(data_field(name), c.range(math.min(c.at, c.size - 1), 1))
  for number = 1, kind.tag == 1 and kind.count or #kind.members do
    untagged(c, inner, kind.tag == 1 and kind.inner or kind.members[number], depth + 1)
  end
end

local function value(c, tree, depth)
  count_one(c)
  local begin = c.at
  local tag = c:take(1, "data type"):uint()
  if SEQUENCES[tag] then
    local name = SEQUENCES[tag]
    local count = c:length(name)
    if count > c.size - c.at then
      error({ why = name .. " of " .. count .. " elements in " .. (c.size - c.at) .. " octets" }, 0)
    end
    if depth >= DEEPEST then
      error({ why = "nested deeper than " .. DEEPEST .. " levels" }, 0)
    end
    local inner = tree:add(data_field(name), c.range(begin, c.at - begin))
    inner:append_text(" of " .. count)
    for _ = 1, count do
      value(c, inner, depth + 1)
    end
    inner:set_len(c.at - begin)
  elseif tag == COMPACT_ARRAY then
    local kind = description(c, depth)
    local size = c:length("compact-array")
    c:need(size, "compact-array")
    local stop = c.at + size
    local inner = tree:add(data_field("compact-array"), c.range(begin, stop - begin))
    while c.at < stop do
      local before = c.at
      untagged(c, inner, kind, depth + 1)
      if c.at == before then
        error({ why = "a compact-array of values without octets" }, 0)
      end
    end
  else
    simple(c, tree, tag, begin)
  end
end

-- APDUs -------------------------------------------------------------------------------------------------------------

local function date_time(c, tree)
  if c:peek() == 9 and c:peek(1) == 12 then
    c:take(1, "date-time") -- the tag of an octet-string, which some meters send
  end
  local size = c:length("date-time")
  if size ~= 0 and size ~= 12 then
    error({ why = "a date-time of " .. size .. " octets" }, 0)
  end
  if size == 12 then
    local range = c:take(12, "date-time")
    tree:add(fields["apdu.date_time"], range):append_text(" (" .. clock(range) .. ")")
  end
end

local function ciphered(c, tree)
  local size = c:length("system title")
  if size > 0 then
    local title = c:take(size, "system title")
    tree:add(fields["apdu.system_title"], title):append_text(" (" .. printable(title) .. ")")
  end
  size = c:length("ciphered text")
  local control = c:take(1, "security control")
  tree:add(fields["apdu.security_control"], control)
  tree:add(fields["apdu.invocation_counter"], c:take(4, "invocation counter"))
  local tag = math.floor(control:uint() / 16) % 2 == 1 and 12 or 0
  if size < 5 + tag then
    error({ why = "too short for its authentication tag" }, 0)
  end
  if size > 5 + tag then
    tree:add(fields["apdu.ciphertext"], c:take(size - 5 - tag, "ciphered text"))
  end
  if tag > 0 then
    tree:add(fields["apdu.tag"], c:take(tag, "authentication tag"))
  end
  tree:add_proto_expert_info(expert.key, "Ciphered: han-frame --pcap --key-file adds the APDU in clear")
end

local function descriptor(c, tree)
  tree:add(fields["apdu.class_id"], c:take(2, "class id"))
  local name = c:take(6, "logical name")
  tree:add(fields["apdu.logical_name"], name):append_text(" (" .. obis(name) .. ")")
  tree:add(fields["apdu.attribute_id"], c:take(1, "attribute id"))
end

local function apdu(c, tree)
  local tag = c:peek()
  local begin = c.at
  local name = APDUS[tag] or (SEQUENCES[tag] and "notification-body")
  if not name then
    error({ why = tag and string.format("%02x is not an APDU that a meter pushes", tag) or "no APDU" }, 0)
  end
  local inner = tree:add(fields["apdu"], c.range(begin, 1), name)
  if name == "notification-body" then
    value(c, inner, 0)
  else
    c:take(1, "APDU")
  end
  if tag == 0x0f then
    inner:add(fields["apdu.invoke_id"], c:take(4, "long-invoke-id-and-priority"))
    date_time(c, inner)
    value(c, inner, 0)
  elseif tag == 0xc2 then
    if c:peek() == 1 then
      c:take(1, "date-time")
    end
    date_time(c, inner)
    descriptor(c, inner)
    value(c, inner, 1)
  elseif tag == 0x18 then
    date_time(c, inner)
    for _ = 1, c:length("variable names") do
      c:take(1, "variable name")
      inner:add(fields["apdu.short_name"], c:take(2, "variable name"))
    end
    for _ = 1, c:length("values") do
      value(c, inner, 1)
    end
  elseif tag == 0xdb or tag == 0xdc then
    ciphered(c, inner)
  elseif tag == 0xe0 then
    inner:add(fields["apdu.block_control"], c:take(1, "block control"))
    inner:add(fields["apdu.block_number"], c:take(2, "block number"))
    inner:add(fields["apdu.block_ack"], c:take(2, "block number acknowledged"))
    local size = c:length("block data")
    if size > 0 then
      inner:add(fields["apdu.block"], c:take(size, "block data"))
    end
  end
  inner:set_len(c.at - begin)
  return name
end

-- LLC header, or nil.
local function llc(c)
  if c:peek() == 0xe6 and (c:peek(1) == 0xe7 or c:peek(1) == 0xe6) and c:peek(2) == 0 then
    return c:take(3, "LLC")
  end
end

-- All APDUs of octets, with padding between and after them. Return the name of the first one.
local function apdus(c, tree)
  local first
  while c.at < c.size do
    local header = llc(c)
    if header then
      tree:add(fields["hdlc.llc"], header)
    end
    local name = apdu(c, tree)
    first = first or name
    while first and (c:peek() == 0 or c:peek() == 0xff) do
      c:take(1, "padding")
    end
    if c.at < c.size and not (APDUS[c:peek()] or c:peek() == 0xe6) then
      tree:add(fields["rest"], c:rest())
      break
    end
  end
  return first
end

-- Read what may be wrong: an expert info in the place of an error. A value that is not one of ours is a fault of this file.
local function guarded(tree, range, read, ...)
  local ok, result = pcall(read, ...)
  if ok then
    return result
  end
  if type(result) ~= "table" then
    error(result, 0)
  end
  tree:add_proto_expert_info(expert.malformed, result.why)
  return nil, result.why
end

-- Links -------------------------------------------------------------------------------------------------------------

-- The verdict on a check, beside it and as a field. digits: how many hex digits it has.
local function status(tree, name, range, found, expected, digits)
  local right = found == expected
  local number = "%0" .. digits .. "x"
  local verdict = right and "good" or string.format("wrong: found " .. number .. ", expected " .. number, found, expected)
  local item = tree:add_le(fields[name], range)
  item:append_text(" (" .. verdict .. ")")
  tree:add(fields[name .. ".status"], range, right and "good" or "wrong"):set_generated()
  if not right then
    item:add_proto_expert_info(expert.check, name .. " " .. verdict)
  end
  return right
end

-- Octets that no field of the frame holds.
local function add_rest(c, tree)
  local rest = c:rest()
  if rest then
    tree:add(fields["rest"], rest)
  end
end

-- The octets up to `stop`, as many as there are. Return their range and item, nil if there are none.
local function add_information(c, tree, name, stop)
  local size = math.min(stop, c.size) - c.at
  if size <= 0 then
    return nil
  end
  local information = c.range(c.at, size)
  local item = tree:add(fields[name], information)
  if stop > c.size then
    item:add_proto_expert_info(expert.malformed, size .. " of " .. stop - c.at .. " octets of the information are there")
  end
  c.at = c.at + size
  return information, item
end

local function control_name(octet)
  local final = math.floor(octet / 16) % 2 == 1
  local after = final and ", final" or ""
  if octet % 2 == 0 then
    return string.format("I %d, next %d", math.floor(octet / 2) % 8, math.floor(octet / 32)) .. after
  elseif octet % 4 == 1 then
    return (math.floor(octet / 4) % 2 == 1 and "RNR " or "RR ") .. math.floor(octet / 32) .. after
  end
  return (CONTROLS[final and octet - 16 or octet] or "unknown code") .. after
end

local function carries_information(control)
  return control % 2 == 0 or CONTROLS[control] == "UI" or CONTROLS[control - 16] == "UI"
end

local function hdlc_address(c, name)
  local size = 1
  while size < 4 and c:peek(size - 1) and c:peek(size - 1) % 2 == 0 do
    size = size + 1
  end
  return c:take(size, name)
end

local function add_fcs(c, tree)
  local covered = c.range(0, c.at):raw()
  local fcs = c:take(2, "FCS")
  status(tree, "hdlc.fcs", fcs, fcs:le_uint(), x25(covered), 4)
end

local function hdlc(c, tree, info)
  local format = c:take(2, "frame format")
  local word = format:uint()
  local length, segmented = word % 0x800, math.floor(word / 0x800) % 2 == 1
  tree:add(fields["hdlc.format"], format)
  tree:add(fields["hdlc.segmented"], format, segmented)
  tree:add(fields["hdlc.length"], format, length)
  tree:add(fields["hdlc.destination"], hdlc_address(c, "destination"))
  tree:add(fields["hdlc.source"], hdlc_address(c, "source"))
  local control = c:take(1, "control")
  info.text = control_name(control:uint())
  tree:add(fields["hdlc.control"], control):append_text(" (" .. info.text .. ")")
  if length == c.at + 2 then -- no information, no HCS
    add_fcs(c, tree)
    add_rest(c, tree)
    return
  end
  local covered = c.range(0, c.at):raw()
  local hcs = c:take(2, "HCS")
  if not status(tree, "hdlc.hcs", hcs, hcs:le_uint(), x25(covered), 4) and length ~= c.size then
    add_rest(c, tree) -- the length is not to be believed
    return
  end
  local information, inside = add_information(c, tree, "hdlc.information", length - 2)
  if information then
    local part = cursor(information)
    local header = llc(part)
    if header then
      inside:add(fields["hdlc.llc"], header)
    end
    local carries = carries_information(control:uint())
    if carries and (segmented or not header and not APDUS[part:peek()]) then
      info.text = "segment of an APDU"
    elseif carries then
      info.text = guarded(inside, information, apdus, part, inside) or "APDU that cannot be read"
    end
  end
  if c.at < c.size and c.at <= length - 2 then
    add_fcs(c, tree)
  end
  add_rest(c, tree)
end

-- What CI says of the information, and whether that is an APDU from its beginning to its end.
local function ci_name(ci)
  if VARIABLE_HEADERS[ci] then
    return "variable header", true
  elseif ci >= 0x20 then
    return "another application", false
  end
  return string.format("segment %d, %s", ci % 16, ci >= 16 and "the last" or "more follow"), ci == 16
end

local function mbus(c, tree, info)
  tree:add(fields["mbus.start"], c:take(1, "start"))
  local first, second = c:take(1, "length"), c:take(1, "length")
  tree:add(fields["mbus.length"], first)
  local item = tree:add(fields["mbus.length"], second)
  if first:uint() ~= second:uint() then
    item:append_text(" (lengths differ)"):add_proto_expert_info(expert.check, "lengths differ")
  end
  if first:uint() ~= second:uint() or c:peek() ~= 0x68 then
    add_rest(c, tree)
    return
  end
  tree:add(fields["mbus.start"], c:take(1, "start"))
  -- One kind of meter sends a length of 257 modulo 256.
  local length = info.kind == "M" and c.size - 6 or first:uint() < 3 and first:uint() + 256 or first:uint()
  local stop = 4 + length
  local control = c:take(1, "control")
  tree:add(fields["mbus.control"], control):append_text(" (" .. (MBUS_CONTROLS[control:uint()] or "unknown code") .. ")")
  local address = c:take(1, "address")
  tree:add(fields["mbus.address"], address):append_text(" (" .. (address:uint() == 255 and "broadcast" or address:uint()) .. ")")
  local ci = c:take(1, "CI")
  local name, whole = ci_name(ci:uint())
  tree:add(fields["mbus.ci"], ci):append_text(" (" .. name .. ")")
  info.text = name
  local header = VARIABLE_HEADERS[ci:uint()]
  if header then
    tree:add(fields["mbus.header"], c:take(header, "variable header"))
  end
  if length > 4 then
    tree:add(fields["mbus.source"], c:take(1, "STSAP"))
    tree:add(fields["mbus.destination"], c:take(1, "DTSAP"))
  end
  local information, inside = add_information(c, tree, "mbus.information", stop)
  if information and whole then
    info.text = guarded(inside, information, apdus, cursor(information), inside) or "APDU that cannot be read"
  end
  if c.at == stop and c.at < c.size then
    local covered, sum = c.range(4, stop - 4):bytes(), 0
    for at = 0, covered:len() - 1 do
      sum = (sum + covered:get_index(at)) % 256
    end
    local checksum = c:take(1, "checksum")
    status(tree, "mbus.checksum", checksum, checksum:uint(), sum, 2)
    local last = c:take(1, "stop")
    local end_item = tree:add(fields["mbus.stop"], last)
    if last:uint() ~= 0x16 then
      end_item:add_proto_expert_info(expert.check, "no stop (16)")
    end
  end
  add_rest(c, tree)
end

-- The text of a line of 7 bits and parity that was read as one of 8 bits; all others as they are.
local function without_parity(text)
  if not text:find("[\128-\255]") then
    return text
  end
  local parity
  for at = 1, #text do
    local octet, odd = text:byte(at), 0
    while octet > 0 do
      octet, odd = math.floor(octet / 2), (odd + octet % 2) % 2
    end
    if parity and parity ~= odd then
      return text
    end
    parity = odd
  end
  return (text:gsub("[\128-\255]", function(octet)
    return string.char(octet:byte() - 128)
  end))
end

-- The verdict on the CRC that a telegram prints after the octets that it covers.
local function crc_verdict(digits, covered)
  if digits == "" then
    return "none", "no CRC"
  end
  local found, expected = tonumber(digits, 16), arc(covered)
  if found == expected or found == x25(covered) then
    return "good", "CRC good"
  elseif digits == "0000" and not covered:find("[^\t\r\n -~]") then
    return "none", "no CRC: 0000"
  end
  return "wrong", string.format("CRC wrong: found %04X, expected %04X", found, expected)
end

local function add_crc(tree, range, digits, covered)
  local item = tree:add(fields["p1.crc"], range, digits)
  local verdict, words = crc_verdict(digits, covered)
  item:append_text(" (" .. words .. ")")
  tree:add(fields["p1.crc.status"], range, verdict):set_generated()
  if verdict == "wrong" then
    item:add_proto_expert_info(expert.check, words)
  end
end

local function p1(c, tree, info)
  local text = without_parity(c.range:raw())
  local at, object = 1, nil
  while at <= #text do
    local stop = text:find("\n", at, true) or #text
    local line = text:sub(at, stop):gsub("[\r\n]+$", "")
    local range = c.range(at - 1, stop - at + 1)
    local code, values = line:match("^([^()]*)(%(.*%))[!%s]*$")
    if at == 1 and line:sub(1, 1) == "/" then
      info.text = escaped(line)
      tree:add(fields["p1.identification"], range, info.text)
    elseif line:match("^!%x?%x?%x?%x?[ \t]*$") then
      add_crc(tree, range, line:match("%x*", 2), text:sub(1, at))
    elseif code then
      if code ~= "" or not object then -- a line of brackets alone goes on with the object before it
        object = tree:add(fields["p1.object"], range, escaped(line))
        object:add(fields["p1.code"], range, escaped((code:gsub("^[ \t]+", ""))))
      end
      for one in values:gmatch("%b()") do
        object:add(fields["p1.value"], range, escaped(one:sub(2, -2)))
      end
    elseif line ~= "" then
      tree:add(fields["p1.line"], range, escaped(line))
    end
    at = stop + 1
  end
end

local function bare(c, tree, info)
  info.text = apdus(c, tree) or ""
end

local READERS = { H = hdlc, M = mbus, P = p1, A = bare, a = bare, p = p1 }
local SLASH_WITH_PARITY = 0xaf
local LINK_OF_FAULT = { [0x68] = mbus, [0x2f] = p1 }

function hanpipe.dissector(buffer, pinfo, root)
  if buffer:len() < 2 then
    return 0
  end
  local kind = buffer(0, 1):string()
  local name = KINDS[kind]
  if not name then
    return 0
  end
  pinfo.cols.protocol = "HAN"
  local range = buffer(1)
  local tree = root:add(hanpipe, buffer())
  tree:append_text(", " .. name .. ", " .. range:len() .. " octets")
  tree:add(fields["kind"], buffer(0, 1), name)
  local read, info = READERS[kind], { text = "", kind = kind }
  local is_fault = not read
  if is_fault then
    tree:add(fields["fault"], buffer(0, 1), name)
    tree:add(fields["octets"], range)
    tree:add_proto_expert_info(expert.fault, name)
    if kind ~= "n" then
      local begin = range(0, 1):uint()
      begin = begin == SLASH_WITH_PARITY and 0x2f or begin
      read = LINK_OF_FAULT[begin] or (begin >= 0xa0 and begin < 0xb0 and hdlc) or nil
    end
  end
  if read then
    guarded(tree, range, read, cursor(range), tree, info)
  end
  pinfo.cols.info = is_fault and name .. ", " .. range:len() .. " octets" or (info.text ~= "" and info.text or name)
  return buffer:len()
end
