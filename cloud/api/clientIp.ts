/** WeChat wants an address of an H5 payer; an unknown one is not made up but said to be this machine's. */
export function clientIp(address: string): string {
  const plain = address.replace(/^::ffff:/, "");
  return /^[0-9a-fA-F.:]{2,45}$/.test(plain) ? plain : "127.0.0.1";
}
