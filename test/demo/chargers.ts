/** The demo's chargers (spec 6, "Demo data"). */
export const chargers = [
  { code: "DEMO0001", chip: "A1B2C3D4E5F6", name: "一号充电器", manager: true, gateway: true, price: "1.50" },
  { code: "DEMO0002", chip: "0123456789AB", name: "二号充电器", manager: true, gateway: true, price: "1.50" },
  { code: "DEMO0003", chip: "BADC0FFEE0DD", name: "", manager: false, gateway: true, price: null },
  { code: "DEMO0004", chip: "FEDCBA987654", name: "四号充电器", manager: true, gateway: false, price: null },
] as const;

export const managers = [
  { phone: "13900000001", openid: "demo-manager-1", name: "演示管理员一" },
  { phone: "13900000002", openid: "demo-manager-2", name: "演示管理员二" },
] as const;

export const users = [
  { phone: "13800000001", openid: "demo-user-1", name: "演示用户一" },
  { phone: "13800000002", openid: "demo-user-2", name: "演示用户二" },
] as const;

/** Its password is made at the first start. */
export const OPERATOR = "operator";
export const GATEWAY = "demo-gateway";
export const SITE = "demo";
