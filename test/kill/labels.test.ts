import { describe, expect, test } from "vitest";
import { answerLabel, commitLabels, Frames, mqttLabels, requestLabel, writeOf } from "./labels.ts";

/** A point that is named wrongly is one that nobody kills at. */

describe("statements", () => {
  const rows: { sql: string; parameters: unknown[]; write: string | undefined }[] = [
    {
      sql: 'insert into "order_info" ("orderId", "state", "payState") values (?, ?, ?) on conflict ("orderId") do nothing',
      parameters: ["90000", "starting", "unpaid"],
      write: "order_info=starting,unpaid",
    },
    {
      sql: 'update "order_info" set "payState" = ?, "updateTime" = ? where "orderId" = ? and "payState" = ?',
      parameters: ["paying", 5, "9", "unpaid"],
      write: "order_info=paying",
    },
    {
      sql: 'insert into "command" ("id", "body", "state") values (?, ?, ?)',
      parameters: ["x", '{"kind":"stop","orderId":"9"}', "open"],
      write: "command=stop,open",
    },
    {
      sql: "insert into chargeOrder (orderId, state, outstanding, settled) values (@orderId, @state, @outstanding, @settled)",
      parameters: [{ orderId: "9", state: "starting", outstanding: 1, settled: 1 }],
      write: "chargeOrder=starting,outstanding",
    },
    {
      sql: "insert into meta (key, value) values (?, ?) on conflict (key) do update set value = excluded.value",
      parameters: ["acknowledged", "7"],
      write: "meta=acknowledged",
    },
    {
      sql: "insert into desired (one, version, body) values (1, ?, ?)",
      parameters: [7, "{}"],
      write: "desired",
    },
    { sql: 'delete from "live_order" where "orderId" = ?', parameters: ["9"], write: "live_order" },
    {
      sql: 'update "gateway" set "seenTime" = ? where "id" = ?',
      parameters: [5, "g"],
      write: "gateway.seenTime",
    },
    { sql: 'select * from "order_info"', parameters: [], write: undefined },
  ];
  test.each(rows)("$write", ({ sql, parameters, write }) => {
    expect(writeOf(sql, parameters)).toBe(write);
  });
});

test("a commit is called by what it writes; what goes along is left out, the cursor is a name of its own", () => {
  expect(commitLabels(["gateway", "order_info=charging", "gateway_cursor", "order_info=charging"])).toEqual([
    "commit order_info=charging",
    "commit gateway_cursor",
  ]);
  expect(commitLabels(["ledger_account", "user_info"])).toEqual(["commit ledger_account user_info"]);
  expect(commitLabels(["device_info", "gateway_cursor"])).toEqual(["commit gateway_cursor"]);
  expect(commitLabels(["boot", "meta=timeFloor"])).toEqual([]);
  expect(commitLabels([])).toEqual([]);
});

function publish(topic: string, payload: object, qos: 0 | 1 = 0): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, topic.length]),
    Buffer.from(topic),
    ...(qos === 1 ? [Buffer.from([0, 9])] : []),
    Buffer.from(JSON.stringify(payload)),
  ]);
  const length = [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([Buffer.from([0x30 | (qos << 1), ...length]), body]);
}

describe("MQTT", () => {
  test("each event of a message is a point, a command is its kind, several packets go in one write", () => {
    const pad = "x".repeat(200);
    const event = (seq: number, kind: string) => ({ seq, kind, at: 1, quality: "synced", body: { pad } });
    const events = { v: 1, no: 3, events: [event(4, "order.started"), event(5, "port.changed")] };
    const command = { id: "abc", pad, command: { kind: "start" } };
    const bytes = Buffer.concat([
      publish("up/07/gateway-1/ev", events),
      publish("gw/gateway-1/down/cmd", command, 1),
    ]);
    expect(mqttLabels(bytes)).toEqual([
      { label: "mqtt event order.started", identity: "ev 4" },
      { label: "mqtt event port.changed", identity: "ev 5" },
      { label: "mqtt start", identity: "cmd abc" },
    ]);
  });

  test("each question for the desired state is one of its own: it carries nothing", () => {
    const want = publish("up/07/gateway-1/want", { v: 1, pad: "x".repeat(200) });
    expect(mqttLabels(Buffer.concat([want, want]))).toEqual([
      { label: "mqtt want", identity: undefined },
      { label: "mqtt want", identity: undefined },
    ]);
  });

  test("pings, acknowledgements of the broker and an empty batch are no points", () => {
    const pad = "x".repeat(200);
    expect(mqttLabels(Buffer.from([0xc0, 0, 0x40, 2, 0, 9]))).toEqual([]);
    expect(mqttLabels(publish("up/07/gateway-1/ev", { events: [], pad }))).toEqual([]);
    expect(mqttLabels(Buffer.from('{"level":30}\n'))).toEqual([]);
  });
});

test("HTTP: answers by method, requests by path; what is asked all the time is no point", () => {
  const ok = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{}");
  expect(answerLabel(ok, "/oapi/bluepower_user/1_0/newPowerOrder")).toBe("http 200 newPowerOrder");
  expect(answerLabel(ok, "/oapi/bluepower_user/1_0/getPowerOrder")).toBeUndefined();
  expect(answerLabel(ok, "/healthz")).toBeUndefined();
  expect(
    answerLabel(Buffer.from("more of a body"), "/oapi/bluepower_user/1_0/newPowerOrder"),
  ).toBeUndefined();
  const query = "GET /v3/pay/transactions/out-trade-no/91234-ab?mchid=1 HTTP/1.1\r\n";
  expect(requestLabel(Buffer.from(query))).toBe("http GET /v3/pay/transactions/out-trade-no/91234-ab");
  expect(requestLabel(Buffer.from(query.replace("91234", "91234567890123")))).toBe(
    "http GET /v3/pay/transactions/out-trade-no/*",
  );
  expect(requestLabel(Buffer.from("\x02\x00"))).toBeUndefined();
});

describe("frames", () => {
  const att = (handle: number, value: string): Buffer => {
    const head = Buffer.from([0x02, handle, 0, value.length + 7, 0, value.length + 3, 0, 4, 0, 0x52, 3, 0]);
    return Buffer.concat([head, Buffer.from(value)]);
  };

  test("a frame is followed through its chunks, on each link by itself", () => {
    const frames = new Frames();
    expect(frames.label(att(1, "@POWERON|1|30|2611"))).toBe("frame POWERON 1");
    expect(frames.label(att(2, "@STA&"))).toBe("frame STA 1");
    expect(frames.label(att(1, "22103000|7ea26be306"))).toBe("frame POWERON 2");
    expect(frames.label(att(1, "59c3c7&"))).toBe("frame POWERON 3");
    expect(frames.label(att(1, "no frame"))).toBeUndefined();
    expect(frames.answer("bytes")).toBe("tell bytes POWERON");
  });

  test("the clock, notifications and commands to the controller are no points", () => {
    const frames = new Frames();
    expect(frames.label(att(1, "@QTIME&"))).toBeUndefined();
    expect(frames.answer("written")).toBeUndefined();
    expect(frames.label(Buffer.from([0x01, 0x03, 0x0c, 0]))).toBeUndefined();
  });
});
