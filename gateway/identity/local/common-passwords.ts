/**
 * The commonest passwords of twelve characters or more, lower case, letters and digits only: shorter ones are refused
 * anyway. Collected by hand from what such lists have in common.
 */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `123456789012 1234567890123 12345678901234 123456789012345 1234567890123456 0123456789012 098765432109
   1234567890ab 1234567890abc 123456789abc 123456789qwe 123456789qwerty 1234567890qwe 12345qwert12345 123qwe123qwe
   1q2w3e4r5t6y 1q2w3e4r5t6y7u 1q2w3e4r5t6y7u8i 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw23edc zaq12wsxcde3
   abcd12345678 abcdefghijkl abcdefghijklm abcdefgh1234 abcdefgh12345678 abc123abc123 abc123456789 a1b2c3d4e5f6
   aaaaaaaaaaaa adminadmin12 adminadmin123 administrator administrator1 administrator123 adminpassword admin1234567
   admin12345678 admin123456789 changeme1234 changeme12345 changemenow1 changemeplease defaultpassword
   correcthorse correcthorsebatterystaple iloveyou1234 iloveyou12345 iloveyouforever ilovejesus123 letmein12345
   letmein123456 letmeinplease letmeinletmein monkey123456 dragon123456 football1234 baseball1234 basketball12
   superman1234 princess1234 sunshine1234 welcome12345 welcome123456 welcome1234567 welcometo123 masterpassword
   passw0rd1234 passw0rd12345 p4ssw0rd1234 password1234 password12345 password123456 password1234567 password12345678
   password123456789 passwordpassword password2020 password2021 password2022 password2023 password2024 password2025
   password2026 passwordabc1 mypassword12 mypassword123 mypassword1234 newpassword1 newpassword12 newpassword123
   secretpassword secret123456 thisisapassword qazwsxedcrfv qazwsxedc123 qwer1234qwer qwertyuiop12 qwertyuiop123
   qwertyuiop1234 qwertyuiop1234567890 qwertyuiopasdf qwertyuiopasdfghjkl qwerty123456 qwerty1234567 qwerty12345678
   qwerty123456789 qwertyqwerty asdfghjkl123 asdfghjkl1234 asdfasdfasdf zxcvbnm12345 zxcvbnmasdfghjkl trustno1trustno1
   testtesttest test12345678 testpassword temporary123 temppassword rootpassword useruseruser userpassword
   supersecret1 supersecret123 topsecret123 winter202512 summer202612 spring202612 autumn202612 monday123456`.split(
    /\s+/,
  ),
)
