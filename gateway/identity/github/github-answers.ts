/**
 * Answers of GitHub, as its REST API documentation (version 2022-11-28) states them; only what is used is looked at.
 */
import { z } from 'zod'

/** `POST /login/oauth/access_token`; a refusal comes with status 200 too. */
export const tokenAnswer = z.union([
  z.object({
    access_token: z.string().min(1).max(1024),
    token_type: z.string().regex(/^bearer$/i),
    /** Granted, comma separated: a person may grant less than was asked for. */
    scope: z.string(),
  }),
  z.object({ error: z.string() }),
])

/** `GET /user` */
export const userAnswer = z.object({
  /** Stays when the login changes. */
  id: z.number().int().positive(),
  login: z.string().regex(/^[\w-]{1,100}$/),
  name: z.string().nullish(),
})
export type GithubUser = z.infer<typeof userAnswer>

/** `GET /user/emails` */
export const emailsAnswer = z.array(
  z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }),
)
export type GithubEmail = z.infer<typeof emailsAnswer>[number]

// No slash: an organisation must not look like a team.
const slug = z.string().regex(/^[\w.-]{1,128}$/)

/** `GET /user/orgs` */
export const orgsAnswer = z.array(z.object({ login: slug }))

/** `GET /user/teams` */
export const teamsAnswer = z.array(z.object({ slug, organization: z.object({ login: slug }) }))
