/**
 * Why a call is refused: the stable word of the top-level `reason`, the code of the document's table and the
 * sentence for a person (spec 2, "Conventions"). Code 0: answered as ResultInfo with `result` 1.
 */
export const reasons = {
  TIMESTAMP: { code: 1, sentence: "时间戳错误" },
  SIGNATURE: { code: 2, sentence: "签名错误" },
  // 3: parameter
  PARAMETER: { code: 3, sentence: "参数错误" },
  UNIT_RANGE: { code: 3, sentence: "充电时长超出范围" },
  AMOUNT_MISMATCH: { code: 3, sentence: "金额不符" },
  PRICE_CHANGED: { code: 3, sentence: "价格已变动，请刷新后重试" },
  DEVICE_UNKNOWN: { code: 3, sentence: "设备不存在" },
  USER_UNKNOWN: { code: 3, sentence: "用户不存在" },
  PORT_UNKNOWN: { code: 3, sentence: "设备没有该端口" },
  // 4: identity
  APP_UNKNOWN: { code: 4, sentence: "应用标识无效" },
  SESSION: { code: 4, sentence: "请重新登录" },
  LOGIN_REFUSED: { code: 4, sentence: "微信登录失败，请重试" },
  PHONE_REFUSED: { code: 4, sentence: "手机号获取失败，请重试" },
  // 5: not allowed
  NOT_YOURS: { code: 5, sentence: "无权操作" },
  BLACKLISTED: { code: 5, sentence: "您已被该设备管理员列入黑名单" },
  ORDER_UNPAID: { code: 5, sentence: "您有未支付的账单，请先支付" },
  NAME_MISSING: { code: 5, sentence: "请先填写姓名" },
  DEVICE_DISABLED: { code: 5, sentence: "设备已停用" },
  DEVICE_UNMANAGED: { code: 5, sentence: "设备尚未启用" },
  ORDER_NOT_STARTED: { code: 5, sentence: "充电尚未开始" },
  ORDER_PAID: { code: 5, sentence: "账单已支付" },
  COINS_SHORT: { code: 5, sentence: "电币不足" },
  PHONE_UNCONFIRMED: { code: 5, sentence: "手机号已换绑微信，请联系客服确认后再操作" },
  NO_OPENID: { code: 5, sentence: "请在微信中支付" },
  MANAGER_PENDING: { code: 5, sentence: "管理员账号待审核" },
  AD_REQUIRED: { code: 5, sentence: "请先观看视频" },
  // 6: occupied
  PORT_BUSY: { code: 6, sentence: "端口已被占用" },
  PORT_DAMAGED: { code: 6, sentence: "端口已损坏" },
  // 999: unknown
  DEVICE_OFFLINE: { code: 999, sentence: "设备离线，请稍后再试" },
  CHARGER_UNREACHABLE: { code: 999, sentence: "充电器暂时无法连接" },
  CHARGER_MISCONFIGURED: { code: 999, sentence: "充电器配置有误，请联系管理员" },
  STALE: { code: 999, sentence: "数据过期，请稍后再试" },
  WECHAT_UNAVAILABLE: { code: 999, sentence: "微信服务繁忙，请稍后再试" },
  INTERNAL: { code: 999, sentence: "系统繁忙，请稍后再试" },
  // 0: ResultInfo with result 1
  ORDER_RUNNING: { code: 0, sentence: "正在充电，不能取消" },
  ORDER_ENDED: { code: 0, sentence: "充电已结束" },
  ORDER_CANCELLED: { code: 0, sentence: "订单已取消" },
  STOP_PENDING: { code: 0, sentence: "停止指令已发送，请稍候" },
  CANCEL_UNPROVEN: { code: 0, sentence: "请先连接充电器确认端口未供电" },
  CANCEL_LIMIT: { code: 0, sentence: "今日取消次数已达上限" },
  PAYMENT_OPEN: { code: 0, sentence: "支付处理中，请稍后再试" },
  PENDING: { code: 0, sentence: "支付处理中" },
  FAILED: { code: 0, sentence: "支付失败" },
  DEVICE_MANAGED: { code: 0, sentence: "设备已有管理员" },
  RECEIVER_INVALID: { code: 0, sentence: "接收方不是有效的管理员" },
  USER_NEVER_CHARGED: { code: 0, sentence: "该用户没有使用记录" },
  NOT_BLACKLISTED: { code: 0, sentence: "用户不在黑名单中" },
  NOTHING_TO_WITHDRAW: { code: 0, sentence: "没有可提现的金额" },
  NO_GATEWAY: { code: 0, sentence: "设备没有网关，请用手机蓝牙操作" },
  // 0: carried out, with a remark
  TRUNCATED: { code: 0, sentence: "结果过多，只返回前一万条" },
} as const satisfies Record<string, { code: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 999; sentence: string }>;

export type Reason = keyof typeof reasons;
