import { join } from "node:path";
import { parseArgs } from "node:util";
import { startSandbox } from "./sandbox.ts";

const HELP = `bluepower-sandbox: WeChat, WeChat Pay and SMS on this machine, without an account and without money

  bluepower-sandbox [--data-dir DIR] [--port N] [--control-port N] [--notify-scale F] [--json]

  --data-dir DIR      where DIR/sandbox is kept          (DATA_DIR, default ./data)
  --port N            the wire, 0 for any free port      (SANDBOX_PORT, default 8086)
  --control-port N    the control plane                  (SANDBOX_CONTROL_PORT, default 8087)
  --notify-scale F    pace of notifications and refunds: 1 is WeChat's, 0.001 a thousand times faster
  --json              one JSON object for each line

Both ports are reachable from this machine only. DIR/sandbox/credentials.json holds the merchant's keys, the
secrets of the two apps and the SMS access key.

The wire
  GET  /sns/jscode2session                    POST /cgi-bin/stable_token
  POST /wxa/business/getuserphonenumber       POST /cgi-bin/message/subscribe/send
  POST /wxa/getwxacodeunlimit                 POST /wxa/sec/order/upload_shipping_info
  POST /wxa/sec/order/is_trade_managed        POST /   (Aliyun SendSms)
  POST /v3/pay/transactions/jsapi             POST /v3/pay/transactions/h5
  GET  /v3/pay/transactions/out-trade-no/NO   GET  /v3/pay/transactions/id/ID
  POST /v3/pay/transactions/out-trade-no/NO/close
  POST /v3/refund/domestic/refunds            GET  /v3/refund/domestic/refunds/NO
  GET  /v3/certificates                       POST /v3/security/echo
  GET  /v3/bill/tradebill                     GET  /v3/bill/fundflowbill

The control plane (JSON)
  POST /login-code      {app: user|manager, openid}                    -> {jsCode}
  POST /phone           {app, openid, phone}                           -> {encryptData, iv, code}
  POST /pay             what wx.requestPayment gets, and {outcome: success|fail, notify, openid?, appId?}
                        -> the transaction; notify is once|twice|never|late|tampered, or
                        wrong-serial|old-timestamp|signtest
  GET  /messages        -> {messages: [{kind: sms|subscribe, to, params, at}]}
  POST /fault           {on: pay|login|shipping|sms, kind: 500|429|timeout-after-commit|bad-signature, times};
                        times 0 takes them back; GET /fault shows what waits
  POST /subscribe       {app, openid, templateId, times?}: the person consents to so many messages
  POST /expire-session  {app, openid}: the next login brings another session key
  POST /trade-managed   {app, managed}: what is_trade_managed answers (default true)
  POST /notify          {outTradeNo, notify}: notifies of a paid transaction again
  POST /refunds         {settle: auto|manual}: by themselves after a second (default), or by /settle-refund
  POST /settle-refund   {outRefundNo, outcome: SUCCESS|ABNORMAL|CLOSED, notify}
  POST /outside-payment {outTradeNo, total, openid}: somebody pays the merchant, and not through the cloud
  POST /bill            {number, forgotten?, amount?, refundStatus?, only?: trade|fund}: what the bills are made to say
                        of a payment or a refund; nothing but the number is the truth again
  POST /rotate-certificate   another certificate of WeChat Pay signs from now on; the old ones are handed out too
  GET  /transactions    every order with its refunds
  GET  /notifications   every notification with its deliveries

Examples
  bluepower-sandbox
  SANDBOX_PORT=9086 SANDBOX_CONTROL_PORT=9087 bluepower-sandbox --data-dir /tmp/demo
  curl -d '{"app": "user", "openid": "demo-user-1"}' http://127.0.0.1:8087/login-code
  curl -d '{"on": "pay", "kind": "timeout-after-commit", "times": 1}' http://127.0.0.1:8087/fault
`;

interface Settings {
  dataDir: string;
  wirePort: number;
  controlPort: number;
  notifyScale: number;
  json: boolean;
}

/** Undefined asks for the help. Throws with a line for a person when a flag or a variable is wrong. */
function settings(args: string[], environment: NodeJS.ProcessEnv): Settings | undefined {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: "boolean", short: "h" },
      json: { type: "boolean" },
      "data-dir": { type: "string" },
      port: { type: "string" },
      "control-port": { type: "string" },
      "notify-scale": { type: "string" },
    },
  });
  if (values.help === true) return undefined;
  const port = (flag: "port" | "control-port", variable: string, otherwise: number): number => {
    const given = values[flag] ?? environment[variable] ?? String(otherwise);
    const name = values[flag] === undefined ? variable : `--${flag}`;
    if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535)
      throw new Error(`${name} must be 0 to 65535, not ${given}`);
    return Number(given);
  };
  const scale = values["notify-scale"] ?? "1";
  if (!/^\d+(\.\d+)?$/.test(scale) || Number(scale) > 1)
    throw new Error(`--notify-scale must be 0 to 1, not ${scale}`);
  return {
    dataDir: values["data-dir"] ?? environment.DATA_DIR ?? "./data",
    wirePort: port("port", "SANDBOX_PORT", 8086),
    controlPort: port("control-port", "SANDBOX_CONTROL_PORT", 8087),
    notifyScale: Number(scale),
    json: values.json === true,
  };
}

async function main(): Promise<void> {
  const chosen = settings(process.argv.slice(2), process.env);
  if (chosen === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const say = (line: string): void => console.log(chosen.json ? JSON.stringify({ event: line }) : line);
  const sandbox = await startSandbox({ ...chosen, log: say });
  const started = {
    wireUrl: sandbox.wireUrl,
    controlUrl: sandbox.controlUrl,
    credentialsFile: join(chosen.dataDir, "sandbox", "credentials.json"),
  };
  if (chosen.json) console.log(JSON.stringify(started));
  else {
    say("SANDBOX of WeChat, WeChat Pay and SMS: no real money, no real messages");
    say(`wire          ${started.wireUrl}`);
    say(`control plane ${started.controlUrl}`);
    say(`credentials   ${started.credentialsFile}`);
  }
  const stop = (): void => {
    sandbox.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

function fail(error: unknown): void {
  console.error(`bluepower-sandbox: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

main().catch(fail);
